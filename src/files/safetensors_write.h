#pragma once
// Writes safetensors files, tensor by tensor, through an atomic file. The bytes are those of the safetensors
// library for the same tensors: wide element types first, then by name; the header padded with blanks to a
// multiple of 8. (With several metadata entries the library's order is random; here it is by key.)
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/byte_reader.h"
#include "base/fault.h"
#include "tensor/tensor.h"

namespace dq::files {

using ByteSink = std::function<void(Bytes)>;

struct TensorToWrite {
  std::string name;
  DType dtype{};
  Shape shape;
  // Hands the elements over, row-major, in as many pieces as it likes. They must add up to the tensor's size.
  std::function<void(const ByteSink&)> produce;
};

// A contiguous tensor in host memory; the memory is kept alive until it is written.
TensorToWrite to_write(std::string name, Tensor tensor);

// The tensors in the order in which their numbers stand in the file.
std::vector<const TensorToWrite*> layout_order(const std::vector<TensorToWrite>& tensors);

// The header with its length in front and its padding. Throws kInvalidArgument on a repeated or odd name.
std::string safetensors_header(const std::vector<TensorToWrite>& tensors,
                               const std::map<std::string, std::string>& metadata);

// Throws kInvalidArgument, kDiskFull, kIo, and whatever a producer throws; then no file is there, or the old
// one.
void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {}, const FaultHook& faults = {});

}  // namespace dq::files
