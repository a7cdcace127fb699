// The vectors of a word by themselves: what they start from, that the gradient which reaches them through the
// denoiser and the text encoder is right, and that nothing else moves.
#include "train/embedding_network.h"

#include <cmath>

#include "base/error.h"
#include "grad/checkpoint.h"
#include "grad/tape.h"
#include "ops/elementwise.h"
#include "train/denoising_step.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

const std::vector<std::string> kCaptions{"a photo of sks, red", "sks"};

double length(const Tensor& rows, std::int64_t row) {
  double square = 0;
  for (std::int64_t i = 0; i < rows.dim(1); ++i)
    square += std::pow(static_cast<double>(rows.data<float>()[row * rows.dim(1) + i]), 2);
  return std::sqrt(square);
}

class EmbeddingVectors : public LoadedTrainingFolder {
 protected:
  EmbeddingVectors() {
    request_.target = Target::kEmbedding;
    request_.trigger = "sks";
    request_.embedding.initial = "red cat";
    request_.seed = 5;
  }
  EmbeddingNetwork network() { return {{model_, *denoiser_, encoder_.get()}, request_}; }

  StepInput input(const EmbeddingNetwork& network, const std::vector<std::string>& captions = kCaptions) {
    const sampling::SigmaTable table(model_.variant.schedule, model_.variant.prediction);
    StepInput out;
    out.batch = noise_batch_at(test::random_tensor(*device_, {2, 4, 8, 8}, 3), table, {}, {100, 700}, 9);
    out.context = encoder_->captions(captions, 1, network.words()).context;
    return out;
  }
  double loss(const EmbeddingNetwork& network) {
    return denoising_step(*denoiser_, input(network), 1, nullptr);
  }

  TrainRequest request_;
};

TEST_F(EmbeddingVectors, BeginAsTheInitialWordsAndDiffer) {
  EmbeddingNetwork four = network();
  const Tensor leaf = four.trained()[0].leaf;
  const Tensor tokens = encoder_->word_of("red cat").vectors.at("clip_l");
  const std::int64_t count = tokens.dim(0), width = tokens.dim(1);
  ASSERT_LT(count, 4) << "the small vocabulary knows the words";
  EXPECT_EQ(leaf.shape(), (Shape{4, width}));
  for (std::int64_t row = 0; row < 4; ++row) {
    double far = 0;
    for (std::int64_t i = 0; i < width; ++i) {
      const float ours = leaf.data<float>()[row * width + i],
                  token = tokens.data<float>()[row % count * width + i];
      far += std::pow(static_cast<double>(ours) - static_cast<double>(token), 2);
    }
    const double share = std::sqrt(far) / length(tokens, row % count);
    if (row < count) {
      EXPECT_EQ(share, 0) << row;
    } else {
      EXPECT_NEAR(share, 0.1, 0.04) << row;
    }
  }
  EXPECT_TRUE(four.warnings().empty());
  // A function of the seed.
  EXPECT_EQ(test::relative_error(network().trained()[0].leaf, leaf), 0);
  request_.seed = 6;
  EXPECT_GT(test::relative_error(network().trained()[0].leaf, leaf), 1e-3);
}

TEST_F(EmbeddingVectors, MoreTokensThanVectorsAreTold) {
  request_.embedding.vectors = 1;
  const EmbeddingNetwork one = network();
  ASSERT_EQ(one.warnings().size(), 1u);
  EXPECT_NE(one.warnings()[0].find("red cat"), std::string::npos) << one.warnings()[0];
  EXPECT_EQ(one.trained()[0].leaf.dim(0), 1);
}

TEST_F(EmbeddingVectors, TheGradientIsThatOfFiniteDifferences) {
  EmbeddingNetwork words = network();
  Tensor leaf = words.trained()[0].leaf;
  loss(words);
  ASSERT_TRUE(grad::gradient(leaf).defined());
  const Tensor gradient = ops::copied(grad::gradient(leaf));
  // With blocks that run again on the way back it is the same.
  grad::clear_gradient(leaf);
  const models::BlockRunner again = [&](const models::Block& block, std::vector<Tensor> inputs) {
    return grad::checkpoint(*device_, block, std::move(inputs));
  };
  denoising_step(*denoiser_, input(words), 1, &again);
  EXPECT_LE(test::relative_error(grad::gradient(leaf), gradient), 1e-5);  // sums in another order

  // Along the gradient of each vector, and along random directions over all of them. Half a percent of a
  // vector's length is where the curve still looks straight and f32's rounding of the loss does not show:
  // both leave about 4e-4 of the steepest slope there is.
  const std::int64_t width = leaf.dim(1);
  const Tensor before = ops::copied(leaf.detached());
  const auto along = [&](const Tensor& direction, double step) {
    for (std::int64_t i = 0; i < leaf.count(); ++i)
      leaf.data<float>()[i] = static_cast<float>(static_cast<double>(before.data<float>()[i]) +
                                                 step * static_cast<double>(direction.data<float>()[i]));
    return loss(words);
  };
  for (std::int64_t trial = 0; trial < leaf.dim(0) + 4; ++trial) {
    Tensor direction = test::random_tensor(*device_, leaf.shape(), 20 + static_cast<std::uint64_t>(trial));
    double expected = 0, size = 0, most = 0;
    for (std::int64_t i = 0; i < leaf.count(); ++i) {
      float& move = direction.data<float>()[i];
      const float slope = gradient.data<float>()[i];
      if (trial < leaf.dim(0)) move = i / width == trial ? slope : 0;
      expected += static_cast<double>(move) * static_cast<double>(slope);
      size += static_cast<double>(move) * static_cast<double>(move);
      most += static_cast<double>(slope) * static_cast<double>(slope);
    }
    const double step = 0.005 * length(before, 0) / std::sqrt(size);
    const double measured = (along(direction, step) - along(direction, -step)) / (2 * step);
    EXPECT_NEAR(measured, expected, 1e-3 * std::sqrt(most * size)) << trial;
  }
}

TEST_F(EmbeddingVectors, OnlyTheyMove) {
  EmbeddingNetwork words = network();
  ASSERT_EQ(words.trained().size(), 1u);
  EXPECT_EQ(words.trained()[0].name, "embedding.clip_l");
  const std::vector<std::string> others{"a cat", "a red photo"};
  const auto paint = [&](const std::vector<std::string>& captions) {
    models::DenoiserInput in;
    const StepInput step = input(words, captions);
    in.x = step.batch.input;
    in.timesteps = step.batch.timesteps;
    in.context = step.context;
    return (*denoiser_)(in).detached();
  };
  const Tensor plain = paint(others), called = paint(kCaptions);
  const auto optimizer = grad::make_optimizer("adamw", words.trained());
  for (int step = 0; step < 3; ++step) {
    loss(words);
    optimizer->step(1e-2);
    words.after_step();
    grad::clear_gradients(words.trained());
  }
  EXPECT_EQ(test::relative_error(paint(others), plain), 0);
  EXPECT_GT(test::relative_error(paint(kCaptions), called), 1e-4);
}

TEST_F(EmbeddingVectors, KeepTheirLengthUnlessTheyAreFree) {
  for (const bool keep : {true, false}) {
    request_.embedding.keep_norm = keep;
    EmbeddingNetwork words = network();
    Tensor leaf = words.trained()[0].leaf;
    double mean = 0;
    for (std::int64_t row = 0; row < 4; ++row) mean += length(leaf, row) / 4;
    for (std::int64_t i = 0; i < leaf.count(); ++i)
      leaf.data<float>()[i] *= 1 + static_cast<float>(i / leaf.dim(1));
    const Tensor moved = ops::copied(leaf.detached());
    words.after_step();
    for (std::int64_t row = 0; row < 4; ++row)
      EXPECT_NEAR(length(leaf, row), keep ? mean : length(moved, row), 1e-5 * mean) << keep << row;
    // The direction is kept: row 0 was not stretched.
    if (!keep) {
      EXPECT_EQ(test::relative_error(leaf, moved), 0);
    }
  }
}

TEST_F(EmbeddingVectors, WhatCannotBeginIsTold) {
  request_.embedding.initial = "犬";
  EXPECT_THROW(network(), Error);
  // An encoder that knows no learned words.
  struct Mute final : models::TextEncoder {
    models::Conditioning operator()(const text::PromptOptions&, std::string_view,
                                    const std::map<std::string, models::LearnedWord>&, int) const override {
      return {};
    }
    models::Conditioning captions(std::span<const std::string>, int,
                                  const std::map<std::string, models::LearnedWord>&) const override {
      return {};
    }
  };
  request_.embedding.initial = "cat";
  const Mute mute;
  try {
    EmbeddingNetwork({model_, *denoiser_, &mute}, request_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(error.message().find("takes no embeddings"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace dq::train
