#pragma once
// Everything that a run needs to go on as if it had never stopped: what is trained, what the optimiser
// remembers, and how far it is. Pictures, noise and captions are functions of the seed and the step
// (batches.h, objective.h), so they need no place here. One safetensors file, written whole or not at all.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "tensor/tensor.h"

namespace dq::train {

struct RunState {
  std::int64_t step = 0;                  // steps done
  std::string settings;                   // the run's settings as text: another run's state is refused by it
  std::map<std::string, Tensor> tensors;  // "parameter.…", "optimizer.…", "average.…", "losses"
};

// Throws kDiskFull, kIo; the file that was there before stays then.
void write_state(const std::filesystem::path& file, const RunState& state);

// Throws kNotFound, kBadFile (damaged, or no run's state), kInvalidArgument when `settings` differs from the
// state's, naming the first line that does.
RunState read_state(const std::filesystem::path& file, const std::string& settings, Device& device);

}  // namespace dq::train
