#pragma once
// sha256 of model files, computed once: a table on disk by path, size and modification time.
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "files/hashes.h"

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

  // The same for all the names that a weight file goes by (`danqing inspect`).
  std::optional<files::FileHashes> find_all(const std::filesystem::path& path) const;
  files::FileHashes compute_all(const std::filesystem::path& path, const files::HashProgress& progress) const;

 private:
  std::filesystem::path file_;
};

// The hashes of model files, computed beside other work. Leaving the scope without waiting stops it.
class BackgroundHash {
 public:
  // `cancelled` is asked from another thread; when true, what is not known yet stays empty.
  BackgroundHash(const std::vector<std::filesystem::path>& paths, std::function<bool()> cancelled);
  // One for each path; empty for no path, a folder, or a file that could not be read to its end.
  std::vector<std::string> wait();

 private:
  std::vector<std::string> hashes_;
  std::jthread worker_;
};

}  // namespace dq::pipeline
