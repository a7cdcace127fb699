#pragma once
// Writers that stream one weight file, tensor by tensor, in the two containers that people share.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/values.h"
#include "tensor/tensor.h"

namespace dq::tools {

// One tensor to be written: `write` hands its bytes to a sink, all of them, in order.
struct OutputTensor {
  std::string name;
  DType dtype{};
  Shape shape;
  std::function<void(const Sink&)> write;
};

// A safetensors file; `metadata` "format": "pt".
void write_safetensors(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors);

// What torch.save writes since 1.6: a zip of stored entries. With `nested` the tensors lie under "state_dict"
// beside "epoch" and "global_step", as trainers save them; otherwise they are the whole dictionary.
void write_torch_zip(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                     bool nested);

}  // namespace dq::tools
