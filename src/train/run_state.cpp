#include "train/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/error.h"
#include "files/safetensors_write.h"
#include "files/weight_source.h"
#include "ops/elementwise.h"

namespace dq::train {
namespace {

constexpr const char* kVersion = "danqing.run_state";
constexpr const char* kStep = "danqing.step";
constexpr const char* kSettings = "danqing.settings";

// The first line of `now` that `then` does not have in its place.
std::string first_difference(const std::string& then, const std::string& now) {
  std::istringstream a(then), b(now);
  std::string old_line, new_line;
  for (;;) {
    const bool more_old = static_cast<bool>(std::getline(a, old_line));
    const bool more_new = static_cast<bool>(std::getline(b, new_line));
    if (!more_old && !more_new) return "";
    if (!more_old) old_line.clear();
    if (!more_new) new_line.clear();
    if (old_line != new_line)
      return fmt::format("“{}” then, “{}” now", printable(old_line), printable(new_line));
  }
}

}  // namespace

void add_leaves(RunState& state, const std::vector<grad::Trained>& trained) {
  for (const grad::Trained& t : trained) state.tensors["parameter." + t.name] = t.leaf.detached();
}

void restore_leaves(const RunState& state, const std::vector<grad::Trained>& trained) {
  for (const grad::Trained& t : trained) {
    const auto stored = state.tensors.find("parameter." + t.name);
    if (stored == state.tensors.end() || stored->second.shape() != t.leaf.shape() ||
        stored->second.dtype() != DType::kF32) {
      throw Error(ErrorCode::kBadFile, "the run's state does not fit its network").key(t.name);
    }
    Tensor leaf = t.leaf.detached();
    std::copy_n(stored->second.data<float>(), leaf.count(), leaf.data<float>());
  }
}

void add_under(RunState& state, const std::string& prefix, const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, tensor] : tensors) state.tensors[prefix + name] = tensor;
}

std::map<std::string, Tensor> take_under(const RunState& state, const std::string& prefix) {
  std::map<std::string, Tensor> out;
  for (auto it = state.tensors.lower_bound(prefix);
       it != state.tensors.end() && it->first.starts_with(prefix); ++it) {
    out[it->first.substr(prefix.size())] = it->second;
  }
  return out;
}

void write_state(const std::filesystem::path& file, const RunState& state) {
  std::vector<files::TensorToWrite> tensors;
  for (const auto& [name, tensor] : state.tensors)
    tensors.push_back(files::to_write(name, ops::contiguous(tensor.detached())));
  files::write_safetensors(
      file, std::move(tensors),
      {{kVersion, "1"}, {kStep, std::to_string(state.step)}, {kSettings, state.settings}});
}

RunState read_state(const std::filesystem::path& file, const std::string& settings, Device& device) {
  const auto source = files::open_weights(file);
  const auto& texts = source->metadata();
  const auto step = texts.find(kStep), then = texts.find(kSettings);
  if (!texts.contains(kVersion) || step == texts.end() || then == texts.end()) {
    throw Error(ErrorCode::kBadFile, "this is not the state of a training run").in(file.string());
  }
  RunState state;
  const std::string& digits = step->second;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), state.step);
  if (failed != std::errc() || end != digits.data() + digits.size() || state.step < 0) {
    throw Error(ErrorCode::kBadFile, "the state's step is no number").in(file.string()).key(kStep);
  }
  if (then->second != settings) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("the run that is to go on had other settings: {}",
                                                         first_difference(then->second, settings)))
        .in(file.string())
        .hint("Start it with the settings it had, or start a new run under another name.");
  }
  state.settings = then->second;
  for (const files::TensorEntry& entry : source->tensors()) {
    const Tensor stored = files::WeightSource::view(entry, device);
    state.tensors.emplace(entry.name, ops::copied(stored));
  }
  return state;
}

}  // namespace dq::train
