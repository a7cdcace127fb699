#include "pipeline/loras.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "ops/elementwise.h"
#include "weights/lora.h"

namespace dq::pipeline {
namespace {

using weights::TensorTable;

constexpr std::string_view kDown = ".lora_down.weight", kUp = ".lora_up.weight", kAlpha = ".alpha";

bool is_for(std::string_view module, models::ModelPart part) {
  const bool text = module.starts_with("lora_te");
  return part == models::ModelPart::kTextEncoder ? text : !text;
}

// The modules of a file. Another kind of adapter under any of them is refused: half of a file is not that
// file.
std::set<std::string> modules_of(const TensorTable& file) {
  std::set<std::string> modules;
  std::string odd;
  for (const auto& [name, entry] : file.entries()) {
    const std::string_view view = name;
    for (const std::string_view end : {kDown, kUp, kAlpha}) {
      if (view.ends_with(end)) modules.emplace(view.substr(0, view.size() - end.size()));
    }
    const bool known = view.ends_with(kDown) || view.ends_with(kUp) || view.ends_with(kAlpha);
    if (!known && odd.empty()) odd = name;
  }
  const bool any = std::any_of(modules.begin(), modules.end(),
                               [&](const std::string& m) { return file.has(m + std::string(kDown)); });
  if (!any || !odd.empty()) {
    Error error(ErrorCode::kUnsupported, "this is no LoRA in sd-scripts' layout; others are not read yet");
    if (!odd.empty()) error.key(odd);
    throw error.in(file.origin()).hint("`danqing inspect` tells what the file is");
  }
  return modules;
}

Tensor f32(const TensorTable& file, const std::string& name, Device& device) {
  const files::TensorEntry* entry = file.find(name);
  if (!entry)
    throw Error(ErrorCode::kBadFile, "a module of the LoRA is incomplete").in(file.origin()).key(name);
  if (!is_floating(entry->dtype)) {
    throw Error(ErrorCode::kBadFile, "a LoRA's numbers are not floating-point").in(file.origin()).key(name);
  }
  const Tensor stored = files::WeightSource::view(*entry, device);
  // A copy, so that the file may go.
  return stored.dtype() == DType::kF32 ? ops::copied(stored) : ops::convert(stored, DType::kF32);
}

double alpha_of(const TensorTable& file, const std::string& module, std::int64_t rank, Device& device) {
  if (!file.has(module + std::string(kAlpha))) return static_cast<double>(rank);
  const Tensor alpha = f32(file, module + std::string(kAlpha), device);
  if (alpha.count() != 1) {
    throw Error(ErrorCode::kBadFile, "a LoRA's alpha is not one number")
        .in(file.origin())
        .key(module + std::string(kAlpha));
  }
  return static_cast<double>(alpha.reshape({1}).data<float>()[0]);
}

// down: [rank, in, …], up: [out, rank, …], of a layer [out, in, …].
void check_fit(const TensorTable& file, const std::string& module, const Tensor& down, const Tensor& up,
               const weights::Parameter& parameter) {
  const Shape& layer = parameter.shape;
  bool fits = down.rank() >= 2 && up.rank() >= 2 && down.dim(1) == layer[1] && up.dim(0) == layer[0] &&
              up.dim(1) == down.dim(0) && up.count() == up.dim(0) * up.dim(1);
  if (fits && layer.size() == 4)
    fits = down.rank() == 4 && down.dim(2) == layer[2] && down.dim(3) == layer[3];
  if (fits && layer.size() == 2) fits = down.count() == down.dim(0) * down.dim(1);
  if (fits) return;
  throw Error(ErrorCode::kBadFile,
              fmt::format("the LoRA's {} and {} do not fit the layer's {}", to_string(down.shape()),
                          to_string(up.shape()), to_string(layer)))
      .in(file.origin())
      .key(module)
      .hint("It was made for another kind of model; `danqing inspect` tells which.");
}

}  // namespace

LoraFit attach_lora(const TensorTable& file, const models::Family& family, models::ModelPart part,
                    const weights::Parameters& parameters, double strength, Device& device) {
  const std::set<std::string> modules = modules_of(file);
  std::map<std::string, weights::Parameter*> layers;
  for (const auto& [name, parameter] : parameters) {
    const std::string module = parameter->is_matrix() ? family.adapter_module(part, name) : "";
    if (!module.empty()) layers[module] = parameter.get();
  }
  LoraFit fit;
  std::vector<std::pair<weights::Parameter*, std::shared_ptr<const weights::Lora>>> made;
  for (const std::string& module : modules) {
    if (!is_for(module, part)) continue;
    const auto layer = layers.find(module);
    if (layer == layers.end()) {
      fit.unmatched.push_back(module);
      continue;
    }
    const Tensor down = f32(file, module + std::string(kDown), device),
                 up = f32(file, module + std::string(kUp), device);
    check_fit(file, module, down, up, *layer->second);
    const double alpha = alpha_of(file, module, down.dim(0), device);
    made.emplace_back(layer->second, std::make_shared<const weights::Lora>(down, up, alpha, strength));
  }
  // Nothing is hung on before everything was found to fit; a strength of 0 is no path at all.
  for (const auto& [parameter, lora] : made) {
    if (strength != 0) parameter->adapters.push_back(lora);
  }
  fit.modules = made.size();
  return fit;
}

void detach_all(const weights::Parameters& parameters) {
  for (const auto& [name, parameter] : parameters) parameter->adapters.clear();
}

}  // namespace dq::pipeline
