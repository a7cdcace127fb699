#pragma once
// The tensors of a checkpoint as tools/data/*.tsv lists them (written by tools/data/make_tensor_lists.py).
#include <filesystem>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace dq::tools {

struct ListedTensor {
  std::string component;  // "unet", "vae", "text_encoder"
  std::string diffusers_name;
  Shape diffusers_shape;
  std::string original_name;  // with its single-file prefix
  Shape original_shape;       // the same count of elements
  float centre = 0, spread = 0;
};

// Throws kNotFound, and kBadFile naming the line.
std::vector<ListedTensor> read_tensor_list(const std::filesystem::path& path);

}  // namespace dq::tools
