#include "pipeline/hash_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/sha256.h"

namespace dq::pipeline {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr std::size_t kChunk = 4 << 20;

// What tells one state of a file from another; empty when the file cannot be looked at.
std::string fingerprint(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return fmt::format("{}:{}.{:09}", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

json read_table(const fs::path& file) {
  std::ifstream in(file);
  json table = json::parse(in, nullptr, /*allow_exceptions=*/false);
  return table.is_object() ? table : json::object();
}

// What the table says of this state of a file; null when it says nothing.
json entry_for(const fs::path& table_file, const fs::path& path) {
  if (table_file.empty()) return {};
  const json table = read_table(table_file);
  const auto it = table.find(fs::absolute(path).string());
  if (it == table.end() || !it->is_object()) return {};
  const std::string now = fingerprint(path);
  const auto state = it->find("state");
  return !now.empty() && state != it->end() && *state == now ? *it : json();
}

std::string text_in(const json& entry, const char* key) {
  if (!entry.is_object()) return {};
  const auto it = entry.find(key);
  return it != entry.end() && it->is_string() ? it->get<std::string>() : std::string();
}

void remember(const fs::path& table_file, const fs::path& path, const json& entry) {
  if (table_file.empty()) return;
  try {
    json table = read_table(table_file);
    table[fs::absolute(path).string()] = entry;
    fs::create_directories(table_file.parent_path());
    const std::string text = table.dump(1, ' ', false, json::error_handler_t::replace);
    write_file_atomically(table_file, std::as_bytes(std::span(text)));
  } catch (const std::exception&) {
    // A read-only or full home only means that the file is hashed again next time.
  }
}

// Plain reads instead of a mapping: the pages never count as this process's memory.
std::string hash_file(const fs::path& path, const std::function<bool()>& cancelled) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(ErrorCode::kIo, "cannot open the file to hash it").in(path.string());
  std::vector<std::byte> buffer(kChunk);
  Sha256 hash;
  ssize_t n = 0;
  while ((n = ::read(fd, buffer.data(), buffer.size())) > 0) {
    hash.update({buffer.data(), static_cast<std::size_t>(n)});
    if (cancelled && cancelled()) {
      ::close(fd);
      throw Error(ErrorCode::kCancelled, "stopped");
    }
  }
  ::close(fd);
  if (n < 0) throw Error(ErrorCode::kIo, "cannot read the file to hash it").in(path.string());
  return hash.finish_hex();
}

}  // namespace

fs::path HashCache::default_file() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    return fs::path(cache) / "danqing/hashes.json";
  if (const char* home = std::getenv("HOME"); home && *home)
    return fs::path(home) / ".cache/danqing/hashes.json";
  return {};
}

std::optional<std::string> HashCache::find(const fs::path& path) const {
  const json entry = entry_for(file_, path);
  std::string hash = text_in(entry, "sha256");
  return hash.size() == 64 ? std::optional(std::move(hash)) : std::nullopt;
}

std::optional<files::FileHashes> HashCache::find_all(const fs::path& path) const {
  const json entry = entry_for(file_, path);
  files::FileHashes out{.auto_v1 = text_in(entry, "auto_v1"),
                        .auto_v2 = {},
                        .auto_v3 = {},
                        .tensors = text_in(entry, "tensors"),
                        .sha256 = text_in(entry, "sha256")};
  const bool whole =
      out.sha256.size() == 64 && out.auto_v1.size() == 8 && (out.tensors.empty() || out.tensors.size() == 64);
  if (!whole) return std::nullopt;
  out.auto_v2 = out.sha256.substr(0, 10);
  out.auto_v3 = out.tensors.substr(0, 12);
  return out;
}

std::string HashCache::compute(const fs::path& path, const std::function<bool()>& cancelled) const {
  const std::string before = fingerprint(path);
  std::string hash = hash_file(path, cancelled);
  if (before == fingerprint(path)) remember(file_, path, {{"state", before}, {"sha256", hash}});
  return hash;
}

files::FileHashes HashCache::compute_all(const fs::path& path, const files::HashProgress& progress) const {
  const std::string before = fingerprint(path);
  files::FileHashes hashes = files::hash_file(*MappedFile::open(path), progress);
  if (before == fingerprint(path)) {
    remember(file_, path,
             {{"state", before},
              {"sha256", hashes.sha256},
              {"auto_v1", hashes.auto_v1},
              {"tensors", hashes.tensors}});
  }
  return hashes;
}

BackgroundHash::BackgroundHash(const std::vector<fs::path>& paths, std::function<bool()> cancelled)
    : hashes_(paths.size()),
      worker_([this, paths, cancelled = std::move(cancelled)](const std::stop_token& stop) {
        const HashCache cache(HashCache::default_file());
        const auto stopped = [&] { return stop.stop_requested() || (cancelled && cancelled()); };
        for (std::size_t i = 0; i < paths.size(); ++i) {
          try {
            if (paths[i].empty() || fs::is_directory(paths[i])) continue;
            const auto known = cache.find(paths[i]);
            hashes_[i] = known ? *known : cache.compute(paths[i], stopped);
          } catch (const std::exception&) {
            // Without a hash the picture is still a picture.
          }
        }
      }) {}

std::vector<std::string> BackgroundHash::wait() {
  if (worker_.joinable()) worker_.join();
  return hashes_;
}

}  // namespace dq::pipeline
