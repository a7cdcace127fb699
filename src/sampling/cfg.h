#pragma once
// Classifier-free guidance (Ho & Salimans 2022): D = D_u + s·(D_c − D_u).
#include "models/family.h"
#include "sampling/model_wrapper.h"
#include "sampling/sampler.h"

namespace dq::sampling {

struct Guidance {
  models::Conditioning prompt, negative;    // `negative` is not read when scale is 1 and keep_uncond is false
  Tensor concat;                            // [N, C2, h, w] for both passes, or undefined
  double scale = 7;                         // 1: the prompt alone, one pass
  bool one_batch = true;                    // both passes in one call: faster, twice the activations
  bool keep_uncond = false;                 // the sampler reads Denoised::uncond
  std::vector<TimedControl> controls = {};  // for both passes, a hint of one row each
};

class GuidedDenoiser {
 public:
  // `images` is the N of every x. The model outlives this.
  GuidedDenoiser(const ModelWrapper& model, const Guidance& guidance, std::int64_t images);

  Denoised operator()(const Tensor& x, double sigma) const;

  bool two_passes() const { return two_passes_; }

 private:
  const ModelWrapper& model_;
  double scale_;
  bool two_passes_, keep_uncond_;
  // With one call for both, `joint_` holds the prompt's rows and then the negative's; else it is empty.
  ModelWrapper::Conditions prompt_, negative_, joint_;
};

}  // namespace dq::sampling
