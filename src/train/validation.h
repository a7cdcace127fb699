#pragma once
// The loss on the same pictures with the same noise again and again: unlike the training loss it can be
// compared from step to step.
#include <vector>

#include "models/family.h"
#include "train/dataset.h"
#include "train/objective.h"

namespace dq::train {

// Which pictures are kept out of training for it: one in sixteen, at most 16, when there are at least 32;
// with fewer all are needed, and the first 8 of training serve. Never those of regularisation. By place in
// `data`, a function of the seed.
struct ValidationChoice {
  std::vector<std::size_t> pictures;
  bool held_out = false;
};
ValidationChoice choose_validation(const Dataset& data, std::uint64_t seed);

struct ValidationItem {
  Tensor latent;                // [1, C, h, w] in model space
  Tensor context, pooled;       // of its caption; pooled may be undefined
  Tensor control_picture = {};  // [1, H, W, 3] in [0, 1]; undefined without a control net
};

// The mean over the items and four noise levels, the eighths 1, 3, 5 and 7 of the training steps (or of the
// time), unweighted. `control_net`: the one that is trained; null: none. Nothing is recorded.
double validation_loss(Device& device, const models::Denoiser& denoiser,
                       const std::vector<ValidationItem>& items, const sampling::SigmaTable& table,
                       ObjectiveOptions objective, std::uint64_t seed,
                       const models::ControlNet* control_net = nullptr);

}  // namespace dq::train
