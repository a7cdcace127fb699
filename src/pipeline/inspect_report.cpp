#include "pipeline/inspect_report.h"

#include <ostream>

#include "base/error.h"
#include "files/weight_source.h"
#include "pipeline/hash_cache.h"
#include "weights/component_set.h"

namespace dq::pipeline {
namespace {

namespace fs = std::filesystem;

std::uint64_t tensor_bytes(const weights::TensorTable& table) {
  std::uint64_t sum = 0;
  for (const auto& [name, entry] : table.entries()) sum += entry.bytes;
  return sum;
}

}  // namespace

InspectedFile inspect_file(const fs::path& path, bool hashes, const files::HashProgress& progress,
                           const fs::path& hash_table) {
  InspectedFile out;
  out.path = path;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    const weights::TensorTable table = weights::open_table(path);
    out.format = files::is_diffusers_folder(path) ? "diffusers folder" : "component folder";
    out.bytes = tensor_bytes(table);
    out.found = models::recognise(table, {});
    return out;
  }
  const std::shared_ptr<const files::WeightSource> source = files::open_weights(path);
  const weights::TensorTable table(source);
  out.format = to_string(source->format());
  out.metadata = source->metadata();
  out.found = models::recognise(table, out.metadata);
  if (source->format() == files::Format::kShardedSafetensors) {
    out.bytes = tensor_bytes(table);
    return out;
  }
  out.bytes = fs::file_size(path);
  if (!hashes) return out;
  const HashCache cache(hash_table);
  out.hashes = cache.find_all(path);
  if (!out.hashes) out.hashes = cache.compute_all(path, progress);
  return out;
}

int inspect(const InspectOptions& options, std::ostream& out, std::ostream& err) {
  int status = 0;
  bool first = true;
  if (options.json) out << "[";
  for (const fs::path& path : options.files) {
    std::string text;
    try {
      const InspectedFile file = inspect_file(path, options.hashes, options.progress, options.hash_table);
      text = options.json ? report_json(file) : report_text(file, options.metadata);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) throw;
      err << "danqing: " << error.what() << '\n';
      status = 1;
      continue;
    }
    if (!first) out << (options.json ? ",\n" : "\n");
    first = false;
    out << text << std::flush;
  }
  if (options.json) out << "]\n";
  return status;
}

}  // namespace dq::pipeline
