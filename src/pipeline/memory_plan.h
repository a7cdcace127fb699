#pragma once
// What a run takes at its peak, told before anything large is allocated, and how it is made to fit.
#include "models/family.h"
#include "pipeline/request.h"

namespace dq::pipeline {

struct MemoryNeed {
  std::int64_t total = 0;    // bytes at the peak, weights and activations
  std::int64_t weights = 0;  // of these, the weights that are loaded at that moment
};

// What else of a run decides how much it takes.
struct RunShape {
  std::int64_t tokens = 77;               // of the longer text
  bool two_passes = true;                 // with and without the prompt
  bool keep_denoiser = false;             // while the picture is developed
  bool vae_is_loaded = false;             // from an earlier picture
  bool weights_are_f32 = false;           // a file of half the size would do
  std::int64_t streamed = 0;              // bytes of the denoiser's packed weights that do not stay in memory
  models::ControlFootprint control = {};  // of all control nets
  int control_nets = 0;
};

// The peak over encoding the text, encoding --init, denoising (both passes of a hires request) with at most
// `rows` rows in a denoiser call, and developing with the smallest tiles. `request` is resolved.
MemoryNeed memory_need(const Request& request, const models::Footprint& model,
                       const models::LatentFormat& format, const RunShape& run, std::int64_t rows);

struct MemoryPlan {
  std::int64_t rows = 0;  // at most so many in one denoiser call; the picture is the same but for rounding
  std::int64_t streamed = 0;  // bytes of the denoiser's weights that are packed from the file at each call
  MemoryNeed need;

  // What load_denoiser is asked for.
  weights::LoadOptions load_options(const models::Footprint& model) const;
};

// What may be used: `wanted` is stayed within when that can be had by fewer rows a call; more than `most`
// never. Weights are streamed only when fewer rows alone do not help; then with as many rows as read the
// least.
struct MemoryBudget {
  std::int64_t wanted = 0, most = 0;
  bool by_person = false;  // --memory, not what the machine has
};

// Throws kOutOfMemory with the numbers and what to do.
MemoryPlan plan_memory(const Request& request, const models::Footprint& model,
                       const models::LatentFormat& format, const RunShape& run, const MemoryBudget& budget);

// A denoiser that is asked with at most `rows` rows at a time. The inner one outlives it.
class RowsAtATime final : public models::Denoiser {
 public:
  RowsAtATime(const models::Denoiser& inner, std::int64_t rows) : inner_(inner), rows_(rows) {}
  Tensor operator()(const models::DenoiserInput& input) const override;
  const weights::Parameters& parameters() const override { return inner_.parameters(); }

 private:
  const models::Denoiser& inner_;
  std::int64_t rows_;
};

}  // namespace dq::pipeline
