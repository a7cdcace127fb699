#pragma once
// A writer that streams one weight file, tensor by tensor, in torch's container; files/safetensors_write.h
// does the same for safetensors.
#include <filesystem>
#include <vector>

#include "files/safetensors_write.h"

namespace dq::tools {

using OutputTensor = files::TensorToWrite;

// What torch.save writes since 1.6: a zip of stored entries. With `nested` the tensors lie under "state_dict"
// beside "epoch" and "global_step", as trainers save them; otherwise they are the whole dictionary.
void write_torch_zip(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                     bool nested);

}  // namespace dq::tools
