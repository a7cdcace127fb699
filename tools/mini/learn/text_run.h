#pragma once
// Teaches the text encoder what captions say before there are pictures: from the mean of what it makes of a
// caption, a linear layer must tell what the scene shows. The denoiser then finds nouns laid out before it
// instead of having to draw them out of the encoder through its own first mistakes, as the text encoders of
// larger models were taught beforehand (Radford et al. 2021).
#include <filesystem>
#include <functional>
#include <vector>

#include "mini/compose.h"
#include "models/family.h"
#include "pipeline/model_files.h"

namespace dq::mini {

// What a caption may say, each as one of some classes; −1: this caption does not say it.
struct SceneLabels {
  std::vector<int> classes;  // as many as label_sizes
};
// How many classes each label has: what the first two things are (a subject, a shape, nothing), their
// colours, both colours of the background, the place, the relation, the number, the size, the texture.
std::vector<int> label_sizes(const Composer& composer);
SceneLabels labels_of(const Composer& composer, const Scene& scene, const std::string& caption);

struct TextOptions {
  std::uint64_t seed = 1;
  int steps = 3000, batch = 32, warmup = 100;
  double rate = 1e-3;
  std::filesystem::path output;  // the base with the text encoder in it, f32
  std::function<void(int step, double loss)> on_step;
};

struct TextScore {
  double thing = 0, colour = 0, background = 0;  // shares of right labels of captions that were not seen
};

// The base's text encoder begins anew. Writes options.output and returns how well its captions are told.
TextScore train_text(Device& device, const pipeline::OpenModel& base, const Composer& composer,
                     const TextOptions& options);

}  // namespace dq::mini
