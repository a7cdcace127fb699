// What shall stay as it is: rows whose target is the model's own answer, which rows those are, and that a run
// with them moves those answers less.
#include "base/error.h"
#include "grad/tape.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"
#include "pipeline/painter.h"
#include "train/adapter_network.h"
#include "train/denoising_step.h"
#include "train/material.h"
#include "train/regularisation.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

class Preserving : public LoadedTrainingFolder {
 protected:
  Preserving() {
    request_ = request("out.safetensors");
    request_.trigger = "zwx";
    request_.preserve = true;
    request_.flip = false;
    request_.captions = {};
  }
  std::unique_ptr<Material> material(const std::string& others = "") {
    DatasetOptions look;
    look.resolution = 64;
    look.trigger = request_.trigger;
    Dataset data = read_with_regularisation(pictures_, others, look, device_->threads());
    const std::size_t shown = data.training_pictures();
    resolved_ = resolve(request_, {shown, 64, models::Prediction::kEps, "", data.pictures.size() - shown});
    return std::make_unique<Material>(model_, *device_, resolved_, std::move(data), ContentCache(""),
                                      EncodingOptions{});
  }
  // The first step with two pictures of one size.
  static std::int64_t of_two(Material& material) {
    std::int64_t pass = 0;
    while (material.step(pass).batch.input.dim(0) < 4) ++pass;
    return pass;
  }
  // A LoRA of both parts that is no longer what it began as.
  std::unique_ptr<AdapterNetwork> disturbed(bool text) {
    auto out =
        std::make_unique<AdapterNetwork>(LoadedParts{model_, *denoiser_, text ? encoder_.get() : nullptr},
                                         resolve(request_, {4, 64, models::Prediction::kEps}), *device_);
    std::uint64_t seed = 0;
    for (const grad::Trained& trained : out->trained()) {
      Tensor leaf = trained.leaf.detached();
      const Tensor more = test::random_tensor(*device_, leaf.shape(), ++seed);
      for (std::int64_t i = 0; i < leaf.count(); ++i) leaf.data<float>()[i] += 0.1F * more.data<float>()[i];
    }
    return out;
  }
  std::string three_others() { return classes({"a.png", "b.png", "d.png"}).string(); }
  Tensor said(const StepInput& step, const Tensor& context) const {
    const ops::RecordingScope quiet(*device_, false);
    models::DenoiserInput input;
    input.x = step.batch.input;
    input.timesteps = step.batch.timesteps;
    input.context = context;
    return (*denoiser_)(input);
  }

  TrainRequest request_, resolved_;
};

TEST_F(Preserving, TheTargetIsWhatTheModelSaysWithoutItsAdapters) {
  auto all = material();
  StepInput step = all->step(of_two(*all));
  const Tensor own = said(step, step.context);
  const double taught = denoising_step(*denoiser_, step, 1, nullptr);
  const auto network = disturbed(false);
  // By hand: the model's answers in the rows that are held, what the pictures show in the others.
  StepInput expected = step;
  expected.held.clear();
  expected.batch.target = ops::concat(
      {ops::contiguous(step.batch.target.slice(0, 0, 2)), ops::contiguous(own.slice(0, 2, 4))}, 0);
  const double wanted = denoising_step(*denoiser_, expected, 1, nullptr);
  const std::vector<grad::Trained>& leaves = network->trained();
  std::vector<Tensor> gradients;
  for (const grad::Trained& trained : leaves) gradients.push_back(grad::gradient(trained.leaf));
  grad::clear_gradients(leaves);
  EXPECT_NEAR(denoising_step(*denoiser_, step, 1, nullptr), wanted, 1e-6 * wanted);
  EXPECT_GT(std::abs(wanted - taught), 1e-4 * taught) << "the adapters do something";
  // Together: at one place attention has no choice, and its queries and keys get rounding only.
  double square = 0, off = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Tensor gradient = grad::gradient(leaves[i].leaf);
    for (std::int64_t k = 0; k < gradient.count(); ++k) {
      const double a = gradients[i].data<float>()[k], b = gradient.data<float>()[k];
      square += a * a;
      off += (a - b) * (a - b);
    }
  }
  EXPECT_GT(square, 0);
  EXPECT_LE(off, 1e-10 * square);
}

TEST_F(Preserving, AFreshAdapterHasNothingToMendThere) {
  auto all = material(three_others());
  StepInput step = all->step(0);
  // A step of nothing else.
  for (std::int64_t pass = 1; static_cast<std::int64_t>(step.held.size()) < step.batch.input.dim(0); ++pass)
    step = all->step(pass);
  const AdapterNetwork network({model_, *denoiser_, nullptr}, resolved_, *device_);
  EXPECT_LE(denoising_step(*denoiser_, step, 1, nullptr), 1e-9);
}

TEST_F(Preserving, WithoutOtherPicturesEachIsHeldAsItsClass) {
  auto all = material();
  const std::int64_t pass = of_two(*all);
  const StepInput step = all->step(pass);
  EXPECT_EQ(step.held, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(step.batch.weights[2], 1);
  // The same pictures under other noise: the learned rows are what they are without the option.
  request_.preserve = false;
  const StepInput alone = material()->step(pass);
  EXPECT_EQ(test::relative_error(step.batch.input.slice(0, 0, 2), alone.batch.input), 0);
  EXPECT_GT(test::relative_error(step.batch.input.slice(0, 2, 4), alone.batch.input), 0.01);
  EXPECT_EQ(test::relative_error(step.context.slice(0, 0, 2), alone.context), 0);
  EXPECT_GT(test::relative_error(step.context.slice(0, 2, 4), alone.context), 1e-3);
}

TEST_F(Preserving, PicturesOfRegularisationAreHeldAndTheOthersLearned) {
  request_.prior_weight = 0.5;
  auto all = material(three_others());
  std::size_t held = 0;
  for (std::int64_t pass = 0; pass < all->passes_per_epoch(); ++pass) {
    const StepInput step = all->step(pass);
    held += step.held.size();
    for (const std::int64_t row : step.held)
      EXPECT_EQ(step.batch.weights[static_cast<std::size_t>(row)], 0.5);
  }
  EXPECT_EQ(held, 4u);  // as many as the others
}

TEST_F(Preserving, ATextEncoderInTrainingIsAskedAsItWas) {
  request_.train_text_encoder = true;
  auto all = material();
  all->train_texts(*encoder_, {});
  const Tensor before = all->step(0).context.detached();
  const auto network = disturbed(true);
  const StepInput step = all->step(0);
  EXPECT_GT(test::relative_error(step.context.detached(), before), 1e-3);
  EXPECT_LE(test::relative_error(step.own_context, before), 1e-6);
  EXPECT_FALSE(step.own_context.grad_node());
  // … and the adapters hang where they did.
  EXPECT_LE(test::relative_error(all->step(0).context.detached(), step.context.detached()), 1e-6);
}

TEST_F(Preserving, ARunMovesTheModelsAnswersLess) {
  request_.regularisation = three_others();
  request_.steps = 60;
  const auto moved = [&](bool preserve) {
    TrainRequest r = request_;
    r.preserve = preserve;
    const TrainResult result = train(*device_, r, options());
    const auto metadata = files::open_weights(result.file)->metadata();
    EXPECT_EQ(metadata.contains("danqing.preserve"), preserve);
    pipeline::Request paint;
    paint.model = base_.string();
    paint.prompt = "thing";
    paint.seed = 4;
    paint.steps = 4;
    paint.width = paint.height = 64;
    const media::Image own = pipeline::Painter(*device_, {}).paint(paint).images[0];
    paint.loras = {{.file = result.file.string(), .strength = 1, .sha256 = {}}};
    const media::Image with = pipeline::Painter(*device_, {}).paint(paint).images[0];
    double sum = 0;
    for (std::size_t i = 0; i < own.pixels.size(); ++i) sum += std::abs(own.pixels[i] - with.pixels[i]);
    return sum / static_cast<double>(own.pixels.size());
  };
  EXPECT_LT(moved(true), moved(false) / 2);
}

TEST_F(Preserving, WhatCannotBeIsRefused) {
  request_.trigger.clear();
  expect_refused(request_, "nothing to tell what shall stay");
  request_.trigger = "zwx";
  request_.target = Target::kFull;
  expect_refused(request_, "adapters, which can be taken off");
}

}  // namespace
}  // namespace dq::train
