#pragma once
// Everything that a run needs to go on as if it had never stopped: what is trained, what the optimiser
// remembers, and how far it is. Pictures, noise and captions are functions of the seed and the step
// (batches.h, objective.h), so they need no place here. One safetensors file, written whole or not at all.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "grad/optimizer.h"
#include "tensor/tensor.h"

namespace dq::train {

struct RunState {
  std::int64_t step = 0;                  // steps done
  std::string settings;                   // the run's settings as text: another run's state is refused by it
  std::map<std::string, Tensor> tensors;  // "parameter.…", "optimizer.…", "average.…", "losses"
};

// Puts the leaves in, as "parameter.…"; they must not change before the state is written.
void add_leaves(RunState& state, const std::vector<grad::Trained>& trained);
// Gives the leaves the numbers they had. Throws kBadFile when one is missing or has another shape.
void restore_leaves(const RunState& state, const std::vector<grad::Trained>& trained);
// Puts somebody's own state in under a prefix ("optimizer."), or takes it out again.
void add_under(RunState& state, const std::string& prefix, const std::map<std::string, Tensor>& tensors);
std::map<std::string, Tensor> take_under(const RunState& state, const std::string& prefix);

// Throws kDiskFull, kIo; the file that was there before stays then.
void write_state(const std::filesystem::path& file, const RunState& state);

// Throws kNotFound, kBadFile (damaged, or no run's state), kInvalidArgument when `settings` differs from the
// state's, naming the first line that does.
RunState read_state(const std::filesystem::path& file, const std::string& settings, Device& device);

}  // namespace dq::train
