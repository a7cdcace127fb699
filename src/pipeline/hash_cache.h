#pragma once
// sha256 of model files, computed once: a table on disk by path, size and modification time.
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace dq::pipeline {

class HashCache {
 public:
  // `file`: where the table lives; a missing or damaged one counts as empty.
  explicit HashCache(std::filesystem::path file) : file_(std::move(file)) {}
  // $XDG_CACHE_HOME/danqing/hashes.json or ~/.cache/danqing/hashes.json; an empty path when neither is set.
  static std::filesystem::path default_file();

  // The hash when it is known for this very file.
  std::optional<std::string> find(const std::filesystem::path& path) const;
  // Reads the file and remembers the result; `cancelled` is asked every few megabytes and ends with
  // kCancelled. A table that cannot be written is no error.
  std::string compute(const std::filesystem::path& path, const std::function<bool()>& cancelled) const;

 private:
  std::filesystem::path file_;
};

// The hash of a model file, computed beside other work. Leaving the scope without waiting stops it.
class BackgroundHash {
 public:
  explicit BackgroundHash(const std::filesystem::path& path);
  // The hash; empty for a folder, or when the file could not be read to its end.
  std::string wait();

 private:
  std::string hash_;
  std::jthread worker_;
};

}  // namespace dq::pipeline
