#include "train/adapter_network.h"

#include "base/counter_random.h"
#include "base/error.h"
#include "ops/elementwise.h"

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
  names_ = options.names;
  for (const auto& [name, parameter] : source.parameters) {
    const std::string module =
        source.family.adapter_module(source.part, name, models::AdapterNames::kSdScripts);
    const int rank = module.empty() ? 0 : rank_for(module, *parameter, options);
    if (rank == 0) continue;
    const weights::AdapterSize size{rank, options.alpha * rank / options.rank};
    const CounterRandom random{request.seed, 0x10a, modules_.size()};
    const auto adapter = weights::fresh_adapter(options.kind, *parameter, size, random, device);
    parameter->adapters.push_back(adapter);
    for (const weights::AdapterPart& part : adapter->parts()) {
      if (part.value.grad_node()) trained_.push_back({module + "." + part.name, part.value, source.rate});
    }
    modules_.push_back({source.family.adapter_module(source.part, name, names_), adapter});
  }
}

Network::Contents AdapterNetwork::contents(DType dtype) const {
  Contents out;
  for (const Module& module : modules_) {
    const std::vector<weights::AdapterPart> parts = names_ == models::AdapterNames::kSdScripts
                                                        ? module.adapter->parts()
                                                        : weights::parts_for_peft(*module.adapter);
    for (const weights::AdapterPart& part : parts) {
      out.tensors.push_back(
          files::to_write(module.name + "." + part.name, ops::convert(part.value.detached(), dtype)));
    }
  }
  return out;
}

}  // namespace dq::train
