#pragma once
// Random checkpoints in the shapes of Stable Diffusion 1.5, in every layout that people share. Same options,
// same bytes.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace dq::tools {

enum class Layout {
  kOriginal,       // one file, names of the original trainer
  kOriginalEma,    // the same with averaged weights and schedule tables beside, as trainers save them
  kOldTextPrefix,  // one file, text encoder without "text_model."
  kDiffusers,      // a folder with unet/, vae/, text_encoder/
  kParts,          // three files in a folder: unet, vae, text_encoder, without prefixes
};

enum class Container { kSafetensors, kTorchZip };

struct CheckpointOptions {
  std::filesystem::path out;  // a file, or a folder for kDiffusers and kParts
  Layout layout = Layout::kOriginal;
  Container container = Container::kSafetensors;
  DType dtype = DType::kF16;  // f32, f16, bf16
  int channels = 4;           // of the U-Net's input: 4, or 9 for inpainting
  std::uint64_t seed = 1;
  std::string size = "full";  // "full" (1.07 billion parameters), "small" (7 million), "mini" (the built-in
                              // model's, 19 million) or "nano" (the same with a narrower U-Net, 15 million)
};

// Returns the files written. A tensor holds the same numbers in every layout of one seed, size and dtype.
std::vector<std::filesystem::path> write_checkpoint(const CheckpointOptions& options);

}  // namespace dq::tools
