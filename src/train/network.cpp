#include "train/network.h"

#include "grad/stochastic_rounding.h"
#include "train/adapter_network.h"
#include "train/control_network.h"
#include "train/embedding_network.h"
#include "train/full_network.h"

namespace dq::train {

void Network::round_leaves(std::uint64_t seed, std::int64_t step) {
  constexpr std::uint64_t kStream = 0xb16;
  for (std::size_t i = 0; i < trained_.size(); ++i) {
    Tensor leaf = trained_[i].leaf.detached();
    grad::round_to_bfloat16_stochastic(leaf, {seed, kStream, static_cast<std::uint64_t>(step), i});
  }
}

weights::Purpose purpose_for(Target target) {
  return target == Target::kFull ? weights::Purpose::kTrain : weights::Purpose::kAdapt;
}

std::unique_ptr<Network> make_network(const LoadedParts& parts, const TrainRequest& request, Device& device) {
  if (request.target == Target::kFull) return std::make_unique<FullNetwork>(parts, request, device);
  if (request.target == Target::kEmbedding) return std::make_unique<EmbeddingNetwork>(parts, request);
  if (request.target == Target::kControlNet) return std::make_unique<ControlNetwork>(parts, request, device);
  return std::make_unique<AdapterNetwork>(parts, request, device);
}

}  // namespace dq::train
