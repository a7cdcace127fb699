#include "train/adapter_network.h"

#include <cmath>

#include "base/counter_random.h"
#include "base/error.h"
#include "ops/elementwise.h"
#include "tensor/gradient.h"

namespace dq::train {
namespace {

// Which rank a module gets; 0: none. Attention blocks hold linear layers and 1×1 convolutions; the rest is
// taken along with a rank of its own.
int rank_for(const std::string& module, const weights::Parameter& parameter, const NetworkOptions& options) {
  if (!parameter.is_matrix()) return 0;
  if (module.find("_attentions_") != std::string::npos) return options.rank;
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

AdapterNetwork::AdapterNetwork(const models::Family& family, const weights::Parameters& parameters,
                               const NetworkOptions& options, std::uint64_t seed, Device& device) {
  for (const auto& [name, parameter] : parameters) {
    const std::string module = family.adapter_module(models::ModelPart::kDenoiser, name);
    const int rank = module.empty() ? 0 : rank_for(module, *parameter, options);
    if (rank == 0) continue;
    // The file has as many axes as the base has there; a 1×1 convolution may be computed as a matrix.
    Shape down = parameter->stored, up = parameter->stored;
    for (std::size_t axis = 0; axis < up.size(); ++axis) {
      if (axis == 0) down[axis] = rank;
      if (axis > 0) up[axis] = axis == 1 ? rank : 1;
    }
    Tensor down_leaf = leaf(device, down), up_leaf = leaf(device, up);
    fill_uniform(down_leaf, CounterRandom{seed, 0x10a, modules_.size()});
    const double alpha = options.alpha * rank / options.rank;
    const auto lora = std::make_shared<const weights::Lora>(down_leaf, up_leaf, alpha);
    parameter->adapters.push_back(lora);
    trained_.push_back({module + ".lora_down.weight", down_leaf});
    trained_.push_back({module + ".lora_up.weight", up_leaf});
    modules_.push_back({module, lora});
  }
  if (modules_.empty()) {
    throw Error(ErrorCode::kUnsupported,
                std::string("LoRAs of ") + std::string(family.title()) + " have no names yet");
  }
}

std::vector<files::TensorToWrite> AdapterNetwork::tensors(DType dtype) const {
  std::vector<files::TensorToWrite> out;
  for (const Module& module : modules_) {
    const Tensor& down = module.lora->down();
    const Tensor alpha = Tensor::full(down.device(), {}, static_cast<float>(module.lora->alpha()));
    out.push_back(files::to_write(module.name + ".alpha", ops::convert(alpha, dtype)));
    out.push_back(files::to_write(module.name + ".lora_down.weight", ops::convert(down.detached(), dtype)));
    out.push_back(
        files::to_write(module.name + ".lora_up.weight", ops::convert(module.lora->up().detached(), dtype)));
  }
  return out;
}

}  // namespace dq::train
