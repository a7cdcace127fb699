#include "train/validation.h"

#include <algorithm>

#include "base/counter_random.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"
#include "train/denoising_step.h"

namespace dq::train {
namespace {

constexpr std::size_t kLeastToHoldOut = 32, kOneIn = 16, kMostHeldOut = 16, kShared = 8;
constexpr double kLevels[]{125, 375, 625, 875};  // of 1000

}  // namespace

ValidationChoice choose_validation(const Dataset& data, std::uint64_t seed) {
  ValidationChoice out;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < data.pictures.size(); ++i) {
    if (!data.regularises(data.pictures[i])) order.push_back(i);
  }
  const std::size_t count = order.size();
  out.held_out = count >= kLeastToHoldOut;
  if (out.held_out) {
    CounterRandom random{seed, 0x7a11d};
    for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  }
  order.resize(out.held_out ? std::min(count / kOneIn, kMostHeldOut) : std::min(count, kShared));
  std::sort(order.begin(), order.end());
  out.pictures = std::move(order);
  return out;
}

double validation_loss(Device& device, const models::Denoiser& denoiser,
                       const std::vector<ValidationItem>& items, const sampling::SigmaTable& table,
                       ObjectiveOptions objective, std::uint64_t seed,
                       const models::ControlNet* control_net) {
  const ops::RecordingScope quiet(device, false);
  objective.weighting = Weighting::kUniform;
  objective.loss = grad::LossKind::kMse;
  double sum = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    // The levels of one picture in one pass.
    const std::vector<Tensor> latents(std::size(kLevels), items[i].latent),
        contexts(std::size(kLevels), items[i].context), pooled(std::size(kLevels), items[i].pooled);
    const std::vector<double> times(std::begin(kLevels), std::end(kLevels));
    const NoisedBatch batch = noise_batch_at(ops::concat(latents, 0), table, objective, times, seed + i);
    models::DenoiserInput input;
    input.x = batch.input;
    input.timesteps = batch.timesteps;
    input.context = ops::concat(contexts, 0);
    if (items[i].pooled.defined()) input.pooled = ops::concat(pooled, 0);
    const std::vector<models::Control> controls = controls_of(control_net, items[i].control_picture);
    input.controls = controls;
    sum += grad::loss(denoiser(input), batch.target).value;
  }
  return items.empty() ? 0 : sum / static_cast<double>(items.size());
}

}  // namespace dq::train
