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
  if (file_.empty()) return std::nullopt;
  const json table = read_table(file_);
  const auto it = table.find(fs::absolute(path).string());
  if (it == table.end() || !it->is_object()) return std::nullopt;
  const std::string now = fingerprint(path);
  if (now.empty() || it->value("state", "") != now) return std::nullopt;
  const std::string hash = it->value("sha256", "");
  if (hash.size() != 64) return std::nullopt;
  return hash;
}

std::string HashCache::compute(const fs::path& path, const std::function<bool()>& cancelled) const {
  const std::string before = fingerprint(path);
  std::string hash = hash_file(path, cancelled);
  if (file_.empty() || before != fingerprint(path)) return hash;
  try {
    json table = read_table(file_);
    table[fs::absolute(path).string()] = {{"state", before}, {"sha256", hash}};
    fs::create_directories(file_.parent_path());
    const std::string text = table.dump(1, ' ', false, json::error_handler_t::replace);
    write_file_atomically(file_, std::as_bytes(std::span(text)));
  } catch (const std::exception&) {
    // A read-only or full home only means that the file is hashed again next time.
  }
  return hash;
}

BackgroundHash::BackgroundHash(const fs::path& path)
    : worker_([this, path](const std::stop_token& stop) {
        try {
          if (fs::is_directory(path)) return;
          const HashCache cache(HashCache::default_file());
          const auto known = cache.find(path);
          hash_ = known ? *known : cache.compute(path, [&stop] { return stop.stop_requested(); });
        } catch (const std::exception&) {
          // Without a hash the picture is still a picture.
        }
      }) {}

std::string BackgroundHash::wait() {
  if (worker_.joinable()) worker_.join();
  return hash_;
}

}  // namespace dq::pipeline
