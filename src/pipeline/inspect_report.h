#pragma once
// What `danqing inspect` tells about a weight file: gathered, and laid out for people and as JSON
// (docs/inspect.md).
#include <filesystem>
#include <iosfwd>
#include <optional>

#include "files/hashes.h"
#include "models/recognise.h"

namespace dq::pipeline {

struct InspectOptions {
  std::vector<std::filesystem::path> files;  // weight files, sharded indexes, diffusers folders
  bool json = false;
  bool hashes = true;     // reads each file whole; folders and sharded models have none
  bool metadata = false;  // all of it, uncut, in the report for people
  files::HashProgress progress = {};
  std::filesystem::path hash_table = {};  // see HashCache; empty: every hash is computed
};

struct InspectedFile {
  std::filesystem::path path;
  std::string format;       // "safetensors", "diffusers folder" …
  std::uint64_t bytes = 0;  // on disk; for a folder or a sharded model, of its tensors
  models::Recognition found;
  std::map<std::string, std::string> metadata;
  std::optional<files::FileHashes> hashes;
};

// Throws what opening throws.
InspectedFile inspect_file(const std::filesystem::path& path, bool hashes,
                           const files::HashProgress& progress, const std::filesystem::path& hash_table = {});

std::string report_text(const InspectedFile& file, bool all_metadata);
std::string report_json(const InspectedFile& file);  // one object

// The command: reports to `out`; a broken file's message goes to `err` and the others are inspected all the
// same. Returns the exit status, 0 or 1.
int inspect(const InspectOptions& options, std::ostream& out, std::ostream& err);

}  // namespace dq::pipeline
