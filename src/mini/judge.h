#pragma once
// The judge: a small convolutional classifier that says which concept of the catalogue a picture shows. It
// looks at what the built-in model paints, in tests and in `danqing bench mini`; painting does not need it.
#include <filesystem>
#include <vector>

#include "media/image.h"
#include "nn/layers.h"

namespace dq::mini {

// What the judge says of a picture that should show one concept.
struct Verdict {
  bool first = false,
       fifth = false;         // it is the most likely, or among the five most likely, of the asked ones
  bool first_of_all = false;  // the most likely of all concepts
};

class Judge {
 public:
  static constexpr int kSide = 128;  // pixels

  // `table`: "stage.0.conv.weight", … Throws kBadFile when it is no judge's.
  Judge(const weights::TensorTable& table, Device& device,
        weights::Purpose purpose = weights::Purpose::kPaint);

  // images: [N, 128, 128, 3] in [−1, 1] → [N, concepts], unnormalised logarithms of probabilities.
  Tensor logits(const Tensor& images) const;
  int concepts() const { return concepts_; }
  Device& device() const { return device_; }
  const weights::Parameters& parameters() const { return parameters_; }

  // The probabilities of all concepts, by picture, of RGB pictures of 128×128.
  std::vector<std::vector<double>> probabilities(const std::vector<media::Image>& pictures) const;
  // `wanted` is one of `among`.
  Verdict verdict(const media::Image& picture, int wanted, const std::vector<int>& among) const;

 private:
  struct Stage {
    nn::Conv2d conv;  // stride 2
    ops::Affine norm;
  };

  Device& device_;
  int concepts_ = 0;
  std::vector<Stage> stages_;
  nn::Linear inner_, last_;
  weights::Parameters parameters_;
};

// A file of a fresh judge's shapes, all zero: to be loaded with Purpose::kTrain and initialised.
void write_judge_shapes(const std::filesystem::path& file, int concepts, Device& device);
// The judge as it is, in f16.
void write_judge(const std::filesystem::path& file, const Judge& judge);

}  // namespace dq::mini
