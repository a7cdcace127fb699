#pragma once
// How much memory a run may take.
#include <cstdint>
#include <filesystem>
#include <string>

namespace dq::pipeline {

// "3G", "800M", "2.5GiB", a number of bytes; throws kInvalidArgument for anything else and for less than 64
// MB.
std::int64_t parse_memory(const std::string& text);

// "800 MB", "2.5 GB", in binary units; whole megabytes are rounded up.
std::string memory_text(std::int64_t bytes);

// What the kernel says is free for programs (MemAvailable), or what the limits of this process's control
// groups leave when that is less; files that are only cached count as free in both. `root`: where /proc and
// /sys are, for tests.
std::int64_t available_memory(const std::filesystem::path& root = "/");

}  // namespace dq::pipeline
