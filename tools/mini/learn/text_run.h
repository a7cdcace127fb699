#pragma once
// Teaches the text encoder what captions say before there are pictures: a linear layer must tell from its
// tokens what the scene shows. The denoiser then finds nouns laid out before it instead of having to draw
// them out of the encoder through its own first mistakes, as the text encoders of larger models were taught
// beforehand (Radford et al. 2021).
//
// The encoder looks back only, so a word cannot know what a later one makes of it ("A to the left of C", "C
// to the right of A"); the tokens after the caption can. They are told apart by their places: the means of
// the tokens 0, 4, 8 …, 1, 5, 9 … and so on are four slots that tell, with one and the same layer, what lies
// on the left, on the right, at the top and at the bottom, so that a part of the picture can look at the slot
// that speaks of it.
#include <array>
#include <filesystem>
#include <functional>
#include <vector>

#include "mini/compose.h"
#include "models/family.h"
#include "pipeline/model_files.h"

namespace dq::mini {

inline constexpr int kSlots = 4;           // left, right, top, bottom
inline constexpr int kParts = kSlots + 1;  // and the mean of all tokens

// What a caption says, each as one of some classes; −1: not asked for. The slots tell a thing (a subject, a
// shape, nothing), its colour, and which slot it is; the whole tells both colours of the background, the
// place, the relation, the number, the size and the texture.
struct SceneLabels {
  std::array<std::vector<int>, kParts> classes;  // each as many as label_sizes
  bool is_pair = false;                          // says which of two shapes of two colours lies where
};
// How many classes each label has.
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
