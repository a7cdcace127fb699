#include "weights/adapters/kinds.h"

#include "base/error.h"
#include "ops/elementwise.h"
#include "weights/adapters/dora.h"
#include "weights/adapters/loha.h"
#include "weights/adapters/lokr.h"
#include "weights/adapters/lora.h"
#include "weights/adapters/oft.h"

namespace dq::weights {
namespace {

// How names end, and what that is here.
struct PartEnd {
  std::string_view end, part;
};
constexpr PartEnd kEnds[]{
    {".lora_down.weight", "lora_down.weight"},
    {".lora_up.weight", "lora_up.weight"},
    {".lora_A.weight", "lora_down.weight"},
    {".lora_B.weight", "lora_up.weight"},
    {".lora_A.default.weight", "lora_down.weight"},
    {".lora_B.default.weight", "lora_up.weight"},
    {".lora.down.weight", "lora_down.weight"},
    {".lora.up.weight", "lora_up.weight"},
    {".lora_magnitude_vector", "dora_scale"},
    {".lora_magnitude_vector.weight", "dora_scale"},
    {".alpha", "alpha"},
    {".dora_scale", "dora_scale"},
    {".hada_w1_a", "hada_w1_a"},
    {".hada_w1_b", "hada_w1_b"},
    {".hada_w2_a", "hada_w2_a"},
    {".hada_w2_b", "hada_w2_b"},
    {".hada_t1", "hada_t1"},
    {".hada_t2", "hada_t2"},
    {".lokr_w1", "lokr_w1"},
    {".lokr_w1_a", "lokr_w1_a"},
    {".lokr_w1_b", "lokr_w1_b"},
    {".lokr_w2", "lokr_w2"},
    {".lokr_w2_a", "lokr_w2_a"},
    {".lokr_w2_b", "lokr_w2_b"},
    {".lokr_t2", "lokr_t2"},
    {".oft_blocks", "oft_blocks"},
    {".rescale", "rescale"},
};

bool any_of(const AdapterTensors& tensors, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (tensors.contains(name)) return true;
  }
  return false;
}

std::shared_ptr<const Adapter> read_direction(const AdapterTensors& tensors, const Shape& layer,
                                              double strength) {
  if (any_of(tensors, {"hada_w1_a", "hada_w1_b"})) return Loha::read(tensors, layer, strength);
  if (any_of(tensors, {"lokr_w1", "lokr_w1_a", "lokr_w2", "lokr_w2_a"}))
    return Lokr::read(tensors, layer, strength);
  if (tensors.contains("oft_blocks")) return Oft::read(tensors, layer, strength);
  return Lora::read(tensors, layer, strength);
}

}  // namespace

std::string_view to_string(AdapterKind kind) {
  constexpr std::string_view kNames[]{"lora", "loha", "lokr", "dora", "oft"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<AdapterTensorName> adapter_tensor_name(std::string_view name) {
  for (const PartEnd& known : kEnds) {
    if (!name.ends_with(known.end) || name.size() == known.end.size()) continue;
    return AdapterTensorName{std::string(name.substr(0, name.size() - known.end.size())),
                             std::string(known.part)};
  }
  return std::nullopt;
}

std::shared_ptr<const Adapter> read_adapter(const AdapterTensors& tensors, const Shape& layer,
                                            double strength) {
  const auto lengths = tensors.find("dora_scale");
  if (lengths == tensors.end()) return read_direction(tensors, layer, strength);
  return std::make_shared<const Dora>(read_direction(tensors, layer, 1), lengths->second, layer, strength);
}

std::vector<AdapterPart> parts_for_peft(const Adapter& adapter) {
  const auto* lora = dynamic_cast<const Lora*>(&adapter);
  if (!lora) return adapter.parts();
  const Tensor up = lora->up().detached();
  return {{"lora_A.weight", lora->down()},
          {"lora_B.weight", ops::combine({{lora->alpha() / static_cast<double>(lora->rank()), &up}})}};
}

std::shared_ptr<const Adapter> fresh_adapter(AdapterKind kind, const Parameter& layer,
                                             const AdapterSize& size, CounterRandom random, Device& device) {
  // The file has as many axes as the base has there; a 1×1 convolution may be computed as a matrix.
  const Shape& shape = layer.stored;
  switch (kind) {
    case AdapterKind::kLora:
      return Lora::fresh(device, shape, size, random);
    case AdapterKind::kLoha:
      return Loha::fresh(device, shape, size, random);
    case AdapterKind::kLokr:
      return Lokr::fresh(device, shape, size, random);
    case AdapterKind::kDora:
      return Dora::fresh(layer.base().reshape(shape), size, random);
    case AdapterKind::kOft:
      return Oft::fresh(device, shape, size, random);
  }
  throw Error(ErrorCode::kInternal, "an adapter of no kind");
}

}  // namespace dq::weights
