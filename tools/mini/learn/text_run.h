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
  bool is_pair = false;      // says which of two shapes of two colours lies where
};
// How many classes each label has: what the first two things are (a subject, a shape, nothing), their
// colours, both colours of the background, the place, the relation, the number, the size, the texture.
std::vector<int> label_sizes(const Composer& composer);
SceneLabels labels_of(const Composer& composer, const Scene& scene, const std::string& caption);

struct TextOptions {
  std::uint64_t seed = 1;
  int steps = 3000, batch = 32, warmup = 100;
  int tested = 2048;  // captions that the score is of
  double rate = 1e-3;
  // 0: the encoder begins anew. More: it goes on as the base has it, and its encodings stay near what they
  // were, so that a denoiser that knows them still reads them: so often their mean squared change, in units
  // of their variance, is added to the loss.
  double hold = 0;
  std::filesystem::path output;  // the base with the text encoder in it, f32
  std::function<void(int step, double loss)> on_step;
};

// Shares of right labels of captions that were not seen.
struct TextScore {
  double thing = 0, colour = 0, background = 0;
  double pair = 0;     // both colours, of captions that say which of two shapes lies where
  double changed = 0;  // with `hold`: the encodings' mean squared change, in units of their variance
};

// Writes options.output and returns how well its captions are told.
TextScore train_text(Device& device, const pipeline::OpenModel& base, const Composer& composer,
                     const TextOptions& options);

}  // namespace dq::mini
