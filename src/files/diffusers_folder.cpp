// Folders as the diffusers library writes them: model_index.json, and a folder a component.
#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "base/small_file.h"
#include "files/weight_source.h"

namespace dq::files {
namespace {

// In order of preference. The stems are those of diffusers (denoiser, VAE, control nets) and transformers
// (text encoders); the variant's place in an index name has changed over time.
constexpr std::array kCandidates = {
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "model.safetensors.index.json",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "model.safetensors.index.fp16.json",
    "diffusion_pytorch_model.fp16.safetensors.index.json",
    "model.fp16.safetensors.index.json",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
    "diffusion_pytorch_model.bin.index.json",
    "pytorch_model.bin.index.json",
    "diffusion_pytorch_model.fp16.bin",
    "pytorch_model.fp16.bin",
};

// The best candidate in the folder; an empty path when there is none.
std::filesystem::path weights_in(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const char* name : kCandidates) {
    const std::filesystem::path path = folder / name;
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return {};
}

}  // namespace

bool has_weights(const std::filesystem::path& folder) {
  return !weights_in(folder).empty();
}

std::shared_ptr<const WeightSource> open_component(const std::filesystem::path& folder) {
  if (const std::filesystem::path path = weights_in(folder); !path.empty()) return open_weights(path);
  throw Error(ErrorCode::kNotFound, "the component's folder holds no weights")
      .in(folder.string())
      .hint("It should hold diffusion_pytorch_model.safetensors or model.safetensors; download it again");
}

bool is_diffusers_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path / "model_index.json", ignored);
}

std::map<std::string, std::string> folder_texts(const std::filesystem::path& folder) {
  constexpr std::uintmax_t kMostBytes = 8u << 20;
  constexpr std::array kNames = {"config.json", "scheduler_config.json", "merges.txt"};
  std::map<std::string, std::string> texts;
  std::error_code ignored;
  for (const std::filesystem::directory_entry& part : std::filesystem::directory_iterator(folder, ignored)) {
    if (!part.is_directory(ignored)) continue;
    for (const char* name : kNames) {
      if (auto text = read_small_file(part.path() / name, kMostBytes)) {
        texts[part.path().filename().string() + "/" + name] = std::move(*text);
      }
    }
  }
  return texts;
}

}  // namespace dq::files
