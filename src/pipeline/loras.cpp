#include "pipeline/loras.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "ops/elementwise.h"
#include "weights/adapters/kinds.h"

namespace dq::pipeline {
namespace {

using weights::TensorTable;

constexpr models::AdapterNames kAllNames[]{models::AdapterNames::kSdScripts, models::AdapterNames::kDiffusers,
                                           models::AdapterNames::kComfy};

bool is_for(std::string_view module, models::ModelPart part) {
  const bool text = module.starts_with("lora_te") || module.starts_with("text_encoder");
  return part == models::ModelPart::kTextEncoder ? text : !text;
}

using Modules = std::map<std::string, std::map<std::string, const files::TensorEntry*>>;

// The parts of a file's modules. A file with anything else in it is refused: half of a file is not that file.
Modules modules_of(const TensorTable& file) {
  Modules modules;
  std::string odd;
  for (const auto& [name, entry] : file.entries()) {
    const auto taken_apart = weights::adapter_tensor_name(name);
    if (!taken_apart) {
      odd = odd.empty() ? name : odd;
      continue;
    }
    modules[taken_apart->module][taken_apart->part] = &entry;
  }
  // A lone alpha tells nothing.
  const bool any =
      std::any_of(modules.begin(), modules.end(), [](const auto& m) { return m.second.size() > 1; });
  if (!any || !odd.empty()) {
    Error error(ErrorCode::kUnsupported, "this is no LoRA or relative of one that can be read");
    if (!odd.empty()) error.key(odd);
    throw error.in(file.origin()).hint("`danqing inspect` tells what the file is");
  }
  return modules;
}

// f32, in memory of their own, so that the file may go.
weights::AdapterTensors tensors_of(const std::map<std::string, const files::TensorEntry*>& parts,
                                   Device& device) {
  weights::AdapterTensors out;
  for (const auto& [part, entry] : parts) {
    if (!is_floating(entry->dtype)) throw Error(ErrorCode::kBadFile, "its numbers are not floating-point");
    const Tensor stored = files::WeightSource::view(*entry, device);
    out[part] = stored.dtype() == DType::kF32 ? ops::copied(stored) : ops::convert(stored, DType::kF32);
  }
  return out;
}

}  // namespace

LoraFit attach_lora(const TensorTable& file, const models::Family& family, models::ModelPart part,
                    const weights::Parameters& parameters, double strength, Device& device) {
  std::map<std::string, weights::Parameter*> layers;
  for (const auto& [name, parameter] : parameters) {
    if (!parameter->is_matrix()) continue;
    for (const models::AdapterNames names : kAllNames) {
      const std::string module = family.adapter_module(part, name, names);
      if (!module.empty()) layers[module] = parameter.get();
    }
  }
  LoraFit fit;
  std::vector<std::pair<weights::Parameter*, std::shared_ptr<const weights::Adapter>>> made;
  for (const auto& [module, parts] : modules_of(file)) {
    if (!is_for(module, part)) continue;
    const auto layer = layers.find(module);
    if (layer == layers.end()) {
      fit.unmatched.push_back(module);
      continue;
    }
    try {
      made.emplace_back(layer->second,
                        weights::read_adapter(tensors_of(parts, device), layer->second->shape, strength));
    } catch (Error& error) {
      error.in(file.origin()).key(module);
      if (error.hint().empty())
        error.hint("It was made for another kind of model, or is incomplete; `danqing inspect` tells which.");
      throw;
    }
  }
  // Nothing is hung on before everything was found to fit; a strength of 0 is no path at all.
  for (const auto& [parameter, adapter] : made) {
    if (strength != 0) parameter->adapters.push_back(adapter);
  }
  fit.modules = made.size();
  return fit;
}

void detach_all(const weights::Parameters& parameters) {
  for (const auto& [name, parameter] : parameters) parameter->adapters.clear();
}

}  // namespace dq::pipeline
