#include "train/adapter_network.h"

#include <cmath>

#include "base/counter_random.h"
#include "base/error.h"
#include "ops/elementwise.h"
#include "tensor/gradient.h"

namespace dq::train {
namespace {

// Which rank a module gets; 0: none. Attention blocks hold linear layers and 1×1 convolutions; of the text
// encoder all layers count; the rest is taken along with a rank of its own.
int rank_for(const std::string& module, const weights::Parameter& parameter, const NetworkOptions& options) {
  if (!parameter.is_matrix() || module.find("_embedding") != std::string::npos) return 0;
  if (module.find("_attentions_") != std::string::npos || module.find("_layers_") != std::string::npos)
    return options.rank;
  const bool block =
      module.find("_resnets_") != std::string::npos || module.find("samplers_") != std::string::npos;
  return block ? options.conv_rank : 0;
}

Tensor leaf(Device& device, Shape shape) {
  Tensor out = Tensor::zeros(device, DType::kF32, std::move(shape));
  ask_gradient(out);
  return out;
}

// U(−b, b) with b = 1/√fan_in.
void fill_uniform(Tensor& down, CounterRandom random) {
  const double bound = 1 / std::sqrt(static_cast<double>(down.count() / down.dim(0)));
  for (std::int64_t i = 0; i < down.count(); ++i) {
    down.data<float>()[i] = static_cast<float>((2 * random.uniform() - 1) * bound);
  }
}

}  // namespace

AdapterNetwork::AdapterNetwork(const LoadedParts& parts, const TrainRequest& request, Device& device) {
  const models::Family& family = *parts.model.family;
  hang_on({family, models::ModelPart::kDenoiser, parts.denoiser.parameters(), 1}, request, device);
  if (parts.text_encoder) {
    hang_on({family, models::ModelPart::kTextEncoder, parts.text_encoder->parameters(),
             request.text_rate / request.rate},
            request, device);
  }
  if (modules_.empty()) {
    throw Error(ErrorCode::kUnsupported,
                std::string("LoRAs of ") + std::string(family.title()) + " have no names yet");
  }
}

void AdapterNetwork::hang_on(const Source& source, const TrainRequest& request, Device& device) {
  const NetworkOptions& options = request.network;
  for (const auto& [name, parameter] : source.parameters) {
    const std::string module = source.family.adapter_module(source.part, name);
    const int rank = module.empty() ? 0 : rank_for(module, *parameter, options);
    if (rank == 0) continue;
    // The file has as many axes as the base has there; a 1×1 convolution may be computed as a matrix.
    Shape down = parameter->stored, up = parameter->stored;
    for (std::size_t axis = 0; axis < up.size(); ++axis) {
      if (axis == 0) down[axis] = rank;
      if (axis > 0) up[axis] = axis == 1 ? rank : 1;
    }
    Tensor down_leaf = leaf(device, down), up_leaf = leaf(device, up);
    fill_uniform(down_leaf, CounterRandom{request.seed, 0x10a, modules_.size()});
    const double alpha = options.alpha * rank / options.rank;
    const auto lora = std::make_shared<const weights::Lora>(down_leaf, up_leaf, alpha);
    parameter->adapters.push_back(lora);
    trained_.push_back({module + ".lora_down.weight", down_leaf, source.rate});
    trained_.push_back({module + ".lora_up.weight", up_leaf, source.rate});
    modules_.push_back({module, lora});
  }
}

Network::Contents AdapterNetwork::contents(DType dtype) const {
  Contents out;
  const auto add = [&](const std::string& name, const Tensor& tensor) {
    out.tensors.push_back(files::to_write(name, ops::convert(tensor, dtype)));
  };
  for (const Module& module : modules_) {
    const Tensor& down = module.lora->down();
    add(module.name + ".alpha", Tensor::full(down.device(), {}, static_cast<float>(module.lora->alpha())));
    add(module.name + ".lora_down.weight", down.detached());
    add(module.name + ".lora_up.weight", module.lora->up().detached());
  }
  return out;
}

}  // namespace dq::train
