#pragma once
// The kinds of adapters: which tensors tell each, how it is read and how a new one begins.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weights/adapters/parts.h"
#include "weights/parameter.h"

namespace dq::weights {

enum class AdapterKind : std::uint8_t { kLora, kLoha, kLokr, kDora, kOft };

std::string_view to_string(AdapterKind kind);  // "lora", "loha", …

// A name of an adapter file, taken apart: "lora_unet_x.lora_A.weight" → "lora_unet_x", "lora_down.weight".
// Other programs' spellings of a part come out as sd-scripts and LyCORIS write it. Nothing for names that are
// no adapter's.
struct AdapterTensorName {
  std::string module, part;
};
std::optional<AdapterTensorName> adapter_tensor_name(std::string_view name);

// The adapter that these tensors are, beside a layer of this shape. Throws kBadFile for tensors that are
// missing or do not fit, kUnsupported for a kind or a form that is not read yet.
std::shared_ptr<const Adapter> read_adapter(const AdapterTensors& tensors, const Shape& layer,
                                            double strength);

// A LoRA's tensors as peft has them: "lora_A.weight", and "lora_B.weight" times alpha/rank instead of an
// alpha. Other kinds have no other form.
std::vector<AdapterPart> parts_for_peft(const Adapter& adapter);

// A new one beside a layer, with leaves to train, that leaves the layer as it is. Seeded.
std::shared_ptr<const Adapter> fresh_adapter(AdapterKind kind, const Parameter& layer,
                                             const AdapterSize& size, CounterRandom random, Device& device);

}  // namespace dq::weights
