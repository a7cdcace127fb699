#pragma once
// Control nets: networks beside a denoiser that read a picture of edges, depth, a pose, and add to what the
// denoiser computes (Zhang et al. 2023).
#include <vector>

#include "models/family.h"

namespace dq::models {

class ControlNet {
 public:
  virtual ~ControlNet() = default;
  // picture: [N, H, W, 3] in [0, 1], of the size of the picture that is painted → what operator() takes for
  // it, N rows. The same at every step.
  virtual Tensor encode(const Tensor& picture) const = 0;
  // What it adds inside the denoiser, in the order of the places where it is added, from the front to the
  // back. hint: one row for all of input.x, or one each. Other control nets of the input are not looked at.
  virtual std::vector<Tensor> operator()(const DenoiserInput& input, const Tensor& hint) const = 0;
  virtual const weights::Parameters& parameters() const { return weights::no_parameters(); }
};

// What all control nets of a call add together, each times its strength; empty when there are none. Throws
// kInvalidArgument when they do not add at the same places.
std::vector<Tensor> control_residuals(const DenoiserInput& input);

}  // namespace dq::models
