#pragma once
// The files that one model is made of, as a person named them.
#include <filesystem>
#include <optional>

#include "weights/tensor_table.h"

namespace dq::weights {

struct ComponentSet {
  TensorTable main;  // a checkpoint, a bare denoiser, or a diffusers folder (names get "unet.", "vae.", …)
  TensorTable vae;   // a separate VAE file; wins over the one in `main`
  TensorTable text_encoder;  // a separate text encoder file; wins over the one in `main`
};

struct ComponentPaths {
  std::filesystem::path main;
  std::optional<std::filesystem::path> vae, text_encoder;
};

// Opens what was named. A folder must be a diffusers folder; each sub-folder that holds weights joins under
// its own name. Throws what files::open_weights throws.
ComponentSet open_components(const ComponentPaths& paths);

// One path as a table: a file under its own names, or a folder as above.
TensorTable open_table(const std::filesystem::path& path);

}  // namespace dq::weights
