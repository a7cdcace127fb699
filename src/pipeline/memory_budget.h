#pragma once
// How much memory a run may take.
#include <cstdint>
#include <string>

namespace dq::pipeline {

// "3G", "800M", "2.5GiB", a number of bytes; throws kInvalidArgument for anything else and for less than 64
// MB.
std::int64_t parse_memory(const std::string& text);

// "800 MB", "2.5 GB", in binary units; whole megabytes are rounded up.
std::string memory_text(std::int64_t bytes);

// What the kernel says is free for programs (MemAvailable), and this process's control group's limit when
// that is lower.
std::int64_t available_memory();

}  // namespace dq::pipeline
