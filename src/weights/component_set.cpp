#include "weights/component_set.h"

namespace dq::weights {
namespace fs = std::filesystem;
namespace {

TensorTable open_folder(const fs::path& folder) {
  if (!files::is_diffusers_folder(folder)) {
    // A single component's folder ("…/vae") is fine too.
    return TensorTable(files::open_component(folder));
  }
  TensorTable table;
  std::vector<fs::path> parts;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) parts.push_back(entry.path());
  }
  for (const fs::path& part : parts) {
    // Schedulers, tokenizers and feature extractors hold no weights.
    if (!files::has_weights(part)) continue;
    table.join(TensorTable(files::open_component(part)), part.filename().string() + ".");
  }
  table.set_origin(folder.string());
  table.set_texts(files::folder_texts(folder));
  return table;
}

}  // namespace

TensorTable open_table(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return open_folder(path);
  return TensorTable(files::open_weights(path));
}

ComponentSet open_components(const ComponentPaths& paths) {
  ComponentSet set;
  set.main = open_table(paths.main);
  if (paths.vae) set.vae = open_table(*paths.vae);
  if (paths.text_encoder) set.text_encoder = open_table(*paths.text_encoder);
  return set;
}

}  // namespace dq::weights
