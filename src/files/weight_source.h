#pragma once
// A weight file as a table of named tensors. Opening reads the header and checks it whole; the numbers stay
// in the mapped file until somebody asks. Nothing here does arithmetic on them.
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor.h"

namespace dq::files {

enum class Format { kSafetensors, kShardedSafetensors, kTorchZip, kTorchLegacy, kFolder };
std::string_view to_string(Format format);

struct TensorEntry {
  std::string name;
  DType dtype{};
  Shape shape;
  Shape strides;  // in elements; PyTorch files may hold views
  // Where the elements lie: `file` keeps the mapping alive, `offset` is from its start.
  std::shared_ptr<const MappedFile> file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // from the first to the last element that the view touches
};

class WeightSource {
 public:
  WeightSource(std::filesystem::path path, Format format) : path_(std::move(path)), format_(format) {}

  const std::filesystem::path& path() const { return path_; }
  Format format() const { return format_; }
  // Sorted by name; names are unique.
  const std::vector<TensorEntry>& tensors() const { return tensors_; }
  const TensorEntry* find(std::string_view name) const;  // null when absent
  // safetensors' __metadata__, or the plain strings and numbers at the top of a PyTorch file ("epoch",
  // "global_step").
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // The elements in place (host memory, no copy). Throws kBadFile when the file was cut short meanwhile.
  static Tensor view(const TensorEntry& entry, Device& device);

  // For the parsers.
  void add(TensorEntry entry);
  void take(std::vector<TensorEntry> entries);  // instead of many add()s
  void set_metadata(std::map<std::string, std::string> metadata) { metadata_ = std::move(metadata); }
  void finish();  // sorts, and throws kBadFile on a repeated name; called once after the last add

 private:
  std::filesystem::path path_;
  Format format_;
  std::vector<TensorEntry> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Opens by content, never by extension: a safetensors file, a sharded index (*.safetensors.index.json), a
// PyTorch zip, a legacy PyTorch pickle. Throws kNotFound, kBadFile (file, key, byte offset, what to do),
// kUnsupported (TorchScript, .pt2, GGUF until it is there, and so on).
std::shared_ptr<const WeightSource> open_weights(const std::filesystem::path& path);

// One component of a diffusers folder ("unet", "vae", "text_encoder"): picks the weight file or index in it,
// preferring safetensors over .bin and the plain over the fp16 variant. Throws kNotFound when there is none.
std::shared_ptr<const WeightSource> open_component(const std::filesystem::path& folder);

// Is there a weight file or index in this folder that open_component would take?
bool has_weights(const std::filesystem::path& folder);

// True for a folder holding model_index.json.
bool is_diffusers_folder(const std::filesystem::path& path);

// The texts of a diffusers folder that say what its tensors mean, by their path in it: configurations
// ("text_encoder/config.json", "scheduler/scheduler_config.json") and a tokenizer's merges
// ("tokenizer/merges.txt"). Files above 8 MiB are left out.
std::map<std::string, std::string> folder_texts(const std::filesystem::path& folder);

}  // namespace dq::files
