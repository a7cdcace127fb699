#pragma once
// Results that cost time, kept on disk by what they were made from: the bytes of a picture, the numbers of a
// VAE, the way it was cut. An edited picture has other bytes, so it is encoded anew.
#include <filesystem>
#include <functional>
#include <string>

#include "tensor/tensor.h"

namespace dq::train {

class ContentCache {
 public:
  // An empty folder keeps nothing on disk. The folder is made when the first result is kept.
  explicit ContentCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The tensor (f32) kept under `key`, any text that names everything it depends on; else made, and kept. A
  // file that is damaged, or is another key's, counts as absent. A disk that is full is no error: the result
  // is just not kept.
  Tensor get(const std::string& key, Device& device, const std::function<Tensor()>& make) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace dq::train
