// The networks that are trained for the built-in model: their losses, their runs, what they write.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "files/weight_source.h"
#include "grad/losses.h"
#include "grad/tape.h"
#include "mini/captions.h"
#include "mini/learn/autoencoder_run.h"
#include "mini/learn/judge_run.h"
#include "mini/learn/picture_loss.h"
#include "mini/learn/text_run.h"
#include "mini/palette.h"
#include "mini/preview_map.h"
#include "models/tiny_model.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "sample_catalogue.h"
#include "support/golden.h"
#include "support/temp_dir.h"
#include "tensor/gradient.h"
#include "weights/initial.h"

namespace dq::mini {
namespace {

Composer composer(std::vector<int> subjects = {}) {
  test::Sample sample = test::sample_catalogue();
  return Composer(std::move(sample.catalogue), sample.atlas, {.seed = 3, .subjects = std::move(subjects)});
}

std::string bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class Learn : public testing::Test {
 protected:
  // The golden model with a tokenizer that knows a few words.
  std::filesystem::path base_folder() const {
    std::filesystem::path folder = dir_.path() / "base";
    std::filesystem::copy(dq::test::golden_path("models/tiny"), folder,
                          std::filesystem::copy_options::recursive);
    std::filesystem::create_directories(folder / "tokenizer");
    std::ofstream(folder / "tokenizer/merges.txt") << dq::test::tiny_merges();
    return folder;
  }

  TextOptions lesson(int steps) const {
    TextOptions o;
    o.steps = steps;
    o.batch = 16;
    o.warmup = 5;
    o.tested = 256;
    o.rate = 3e-3;
    o.output = dir_.path() / "taught.safetensors";
    return o;
  }

  std::unique_ptr<Device> device_ = ops::make_cpu_device();
  dq::test::TempDir dir_;
};

TEST_F(Learn, ThePictureLossAndItsSlope) {
  const Tensor wanted = dq::test::random_tensor(*device_, {2, 6, 4, 3}, 1);
  Tensor made = dq::test::random_tensor(*device_, {2, 6, 4, 3}, 2);
  EXPECT_EQ(picture_loss(wanted, wanted).value, 0);
  const PictureLoss loss = picture_loss(made, wanted);
  EXPECT_GT(loss.value, 0.5);
  for (std::int64_t i = 0; i < made.count(); ++i) {
    constexpr float kStep = 1e-2f;
    const float before = made.data<float>()[i];
    made.data<float>()[i] = before + kStep;
    const double up = picture_loss(made, wanted).value;
    made.data<float>()[i] = before - kStep;
    const double down = picture_loss(made, wanted).value;
    made.data<float>()[i] = before;
    // The slope of |d| turns within 0.01 of 0; few differences are that small.
    EXPECT_NEAR(loss.gradient.data<float>()[i], (up - down) / (2 * static_cast<double>(kStep)), 2e-3) << i;
  }
  EXPECT_THROW(picture_loss(made, dq::test::random_tensor(*device_, {2, 6, 6, 3}, 1)), Error);
}

weights::ComponentSet tiny_base() {
  weights::ComponentSet base;
  base.main = dq::test::tiny_original();
  return base;
}

// The VAE's own way back: the slope along its gradient, by finite differences of a whole pass.
TEST_F(Learn, TheAutoencodersGradientIsItsSlope) {
  const auto family = models::families()[0];
  const auto vae = family->load_vae(tiny_base(), *device_, weights::Purpose::kTrain);
  const Tensor x = dq::test::random_tensor(*device_, {1, 32, 32, 3}, 5);
  const auto pass = [&] { return vae->decode(vae->encode(x)); };
  const Tensor made = pass();
  const PictureLoss loss = picture_loss(made.detached(), x);
  grad::backward(made, loss.gradient);
  double square = 0;
  for (const auto& [name, parameter] : vae->parameters()) {
    const Tensor g = grad::gradient(parameter->value);
    if (!g.defined()) continue;  // of the variance, which the mean does not see
    for (std::int64_t i = 0; i < g.count(); ++i)
      square += std::pow(static_cast<double>(g.data<float>()[i]), 2);
  }
  const auto moved = [&](double step) {
    for (const auto& [name, parameter] : vae->parameters()) {
      const Tensor g = grad::gradient(parameter->value);
      Tensor value = parameter->value.detached();
      for (std::int64_t i = 0; g.defined() && i < g.count(); ++i)
        value.data<float>()[i] += static_cast<float>(step / std::sqrt(square)) * g.data<float>()[i];
    }
    return picture_loss(pass().detached(), x).value;
  };
  constexpr double kStep = 2e-3;
  const double up = moved(kStep), down = moved(-2 * kStep);
  EXPECT_NEAR((up - down) / (2 * kStep) / std::sqrt(square), 1, 0.02);
}

AutoencoderOptions short_run(const std::filesystem::path& output) {
  AutoencoderOptions o;
  o.steps = 6;
  o.batch = 4;
  o.crop = 32;
  o.whole_share = 0.2;
  o.warmup = 1;
  o.save_every = 2;
  o.normalised_over = 48;
  o.output = output;
  return o;
}

TEST_F(Learn, AnAutoencodersRunGoesOnToTheSameFileWithNormalLatents) {
  const Composer pictures = composer();
  const std::filesystem::path file = dir_.path() / "vae.safetensors";
  train_autoencoder(*device_, tiny_base(), pictures, short_run(file));
  const std::string straight = bytes(file);
  AutoencoderOptions o = short_run(file);
  int asked = 0;
  o.cancelled = [&asked] { return ++asked > 3; };
  EXPECT_THROW(train_autoencoder(*device_, tiny_base(), pictures, o), Error);
  o = short_run(file);
  o.resume = true;
  train_autoencoder(*device_, tiny_base(), pictures, o);
  EXPECT_TRUE(bytes(file) == straight);
  weights::ComponentSet trained;
  trained.main = weights::open_table(file);
  const auto vae = models::families()[0]->load_vae(trained, *device_);
  double sum = 0, square = 0, count = 0;
  for (std::uint64_t i = 0; i < 16; ++i) {
    const Tensor z = vae->encode(media::to_tensor(*device_, pictures.compose(9000 + i).image));
    for (std::int64_t k = 0; k < z.count(); ++k) {
      const double v = static_cast<double>(z.data<float>()[k]) * 0.18215;
      sum += v;
      square += v * v;
    }
    count += static_cast<double>(z.count());
  }
  EXPECT_NEAR(sum / count, 0, 0.1);
  EXPECT_NEAR(square / count, 1, 0.2);
  EXPECT_GT(score_autoencoder(*device_, *vae, pictures, 0, 4).psnr, 3);
}

JudgeOptions judge_options(const std::filesystem::path& output) {
  JudgeOptions o;
  o.steps = 40;
  o.batch = 8;
  o.warmup = 2;
  o.save_every = 10;
  o.output = output;
  return o;
}

TEST_F(Learn, TheJudgeLearnsAndIsTheSameAgain) {
  const Composer pictures = composer({0, 20, 40, 60});
  const std::filesystem::path file = dir_.path() / "judge.safetensors";
  JudgeOptions o = judge_options(file);
  std::vector<double> losses;
  o.on_step = [&](int, double loss) { losses.push_back(loss); };
  train_judge(*device_, pictures, o);
  ASSERT_EQ(losses.size(), 40u);
  double first = 0, last = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    first += losses[i] / 8;
    last += losses[32 + i] / 8;
  }
  EXPECT_LT(last, first - 1);
  const std::string written = bytes(file);
  train_judge(*device_, pictures, judge_options(file));
  EXPECT_TRUE(bytes(file) == written);
  const Judge judge(weights::open_table(file), *device_);
  EXPECT_EQ(judge.concepts(), 72);
  const std::vector<double> p =
      judge.probabilities({judge_sample(pictures, pictures.subjects(), 1, 1).image})[0];
  double sum = 0;
  for (const double v : p) sum += v;
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST_F(Learn, AFileThatIsNoJudgeIsRefused) {
  EXPECT_THROW(Judge(dq::test::tiny_original(), *device_), Error);
  write_judge_shapes(dir_.path() / "j.safetensors", 5, *device_);
  const Judge judge(weights::open_table(dir_.path() / "j.safetensors"), *device_);
  EXPECT_THROW(judge.logits(Tensor::zeros(*device_, DType::kF32, {1, 64, 64, 3})), Error);
}

TEST(Initial, NumbersAreAFunctionOfTheSeedAndTheName) {
  const auto device = ops::make_cpu_device();
  dq::test::TempDir dir;
  write_judge_shapes(dir.path() / "j.safetensors", 5, *device);
  const auto fresh = [&](std::uint64_t seed, bool zero) {
    Judge judge(weights::open_table(dir.path() / "j.safetensors"), *device, weights::Purpose::kTrain);
    weights::initialise(judge.parameters(), seed,
                        [zero](std::string_view name) { return zero && name == "last.weight"; });
    return judge.parameters();
  };
  const auto a = fresh(1, false), b = fresh(1, true), c = fresh(2, false);
  const auto numbers = [](const weights::Parameters& p, const char* name) {
    const Tensor& t = p.find(name)->second->value;
    return std::vector<float>(t.data<float>(), t.data<float>() + t.count());
  };
  EXPECT_EQ(numbers(a, "inner.weight"), numbers(b, "inner.weight"));
  EXPECT_NE(numbers(a, "inner.weight"), numbers(c, "inner.weight"));
  EXPECT_EQ(numbers(b, "last.weight"), std::vector<float>(5 * 192, 0.0f));
  EXPECT_EQ(numbers(a, "stage.0.norm.weight"), std::vector<float>(24, 1.0f));
  EXPECT_EQ(numbers(a, "last.bias"), std::vector<float>(5, 0.0f));
}

TEST_F(Learn, LabelsSayWhatCaptionsSay) {
  const Composer pictures = composer({4, 9, 30});
  const std::vector<int> sizes = label_sizes(pictures);
  ASSERT_EQ(sizes.size(), 10u);
  EXPECT_EQ(sizes[0], 3 + kShapes + 1);
  int things = 0, unsaid = 0, pairs = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const Scene scene = pictures.plan(i);
    const SceneLabels labels = labels_of(pictures, scene, scene.en);
    for (const std::vector<int>& classes : labels.classes) {
      ASSERT_EQ(classes.size(), sizes.size());
      for (std::size_t label = 0; label < sizes.size(); ++label) {
        EXPECT_GE(classes[label], -1);
        EXPECT_LT(classes[label], sizes[label]);
      }
    }
    const std::vector<int>&left = labels.classes[0], &whole = labels.classes[kSlots];
    if (scene.things.empty()) {
      EXPECT_EQ(left[0], 3 + kShapes);
    } else if (scene.relation == Relation::kAbove && says_relation(scene.en)) {
      EXPECT_EQ(left[0], 3 + kShapes) << "nothing lies on the left";
      EXPECT_EQ(left[1], kColours);
    } else if (scene.things[0].emoji >= 0) {
      EXPECT_EQ(pictures.subjects()[static_cast<std::size_t>(left[0])], scene.things[0].emoji);
      ++things;
    } else {
      EXPECT_EQ(left[0], 3 + scene.things[0].shape);
      EXPECT_EQ(left[1], scene.things[0].colour);
    }
    if (labels.is_pair) {
      const std::size_t slot = scene.relation == Relation::kLeftOf ? 0 : 2;
      EXPECT_EQ(labels.classes[slot][1], scene.things[0].colour) << scene.en;
      EXPECT_EQ(labels.classes[slot + 1][1], scene.things[1].colour) << scene.en;
      ++pairs;
    }
    const NamedColour& ground = palette()[static_cast<std::size_t>(scene.background.colour)];
    const bool says = scene.en.find(ground.en) != std::string::npos;
    unsaid += !says;
    EXPECT_EQ(whole[2], says ? scene.background.colour : -1) << scene.en;
    for (const std::vector<int>& classes : labels_of(pictures, scene, "").classes)
      for (const int c : classes) EXPECT_EQ(c, -1);
  }
  EXPECT_GT(pairs, 5);
  EXPECT_GT(things, 100);
  EXPECT_LT(unsaid, 150);
}

// The golden text encoder begins anew and soon tells what captions say; only it is another in the file.
TEST_F(Learn, TheTextEncoderLearnsToTellCaptions) {
  const std::filesystem::path folder = base_folder();
  pipeline::Request files;
  files.model = folder.string();
  const pipeline::OpenModel base = pipeline::open_model(files);
  TextOptions o = lesson(160);
  std::vector<double> losses;
  o.on_step = [&](int, double loss) { losses.push_back(loss); };
  const Composer pictures = composer({4, 9, 30});
  const TextScore score = train_text(*device_, base, pictures, o);
  ASSERT_EQ(losses.size(), 160u);
  EXPECT_LT(losses.back(), 0.4 * losses.front());
  EXPECT_GT(score.colour, 0.6);
  const auto written = files::open_weights(o.output);
  const auto encoder = files::open_weights(folder / "text_encoder/model.safetensors"),
             unet = files::open_weights(folder / "unet/diffusion_pytorch_model.safetensors");
  const auto numbers = [&](const files::WeightSource& file, const std::string& name) {
    return dq::test::golden(file, name, *device_);
  };
  const std::string q = "text_model.encoder.layers.0.self_attn.q_proj.weight";
  EXPECT_GT(
      dq::test::relative_error(numbers(*written, "cond_stage_model.transformer." + q), numbers(*encoder, q)),
      0.5);
  EXPECT_EQ(dq::test::relative_error(numbers(*written, "model.diffusion_model.time_embed.0.weight"),
                                     numbers(*unet, "time_embedding.linear_1.weight")),
            0);
  EXPECT_TRUE(written->metadata().contains("tokenizer/merges.txt"));
  o.steps = 3;
  train_text(*device_, base, pictures, o);
  const std::string first = bytes(o.output);
  train_text(*device_, base, pictures, o);
  EXPECT_TRUE(bytes(o.output) == first);
}

// Going on from an encoder, with its encodings held, it learns as well and moves less.
TEST_F(Learn, TheTextEncoderKeepsNearWhatItWas) {
  pipeline::Request files;
  files.model = base_folder().string();
  const pipeline::OpenModel base = pipeline::open_model(files);
  const Composer pictures = composer({4, 9, 30});
  TextOptions o = lesson(40);
  const auto taught = [&](double hold) {
    o.hold = hold;
    return train_text(*device_, base, pictures, o);
  };
  EXPECT_EQ(taught(0).changed, 0) << "nothing to compare with";
  const TextScore loose = taught(1e-6), held = taught(30);
  EXPECT_GT(loose.changed, 2 * held.changed);
  EXPECT_LT(held.changed, 0.3);
  EXPECT_GT(held.changed, 0);
  EXPECT_GT(held.colour, 0.6);
}

// Latents whose colours are a known map of them give that map back, whatever lies within a cell.
TEST(PreviewMap, IsTheLeastSquaresSolution) {
  const auto device = ops::make_cpu_device();
  const Tensor latents = dq::test::random_tensor(*device, {3, 4, 5, 6}, 1);
  const float rows[4][3] = {{0.3f, -0.1f, 0.2f}, {0, 0.4f, 0.1f}, {-0.2f, 0.2f, 0.5f}, {0.1f, 0, -0.3f}};
  const float bias[3] = {0.05f, -0.1f, 0.2f};
  Tensor pictures = Tensor::empty(*device, DType::kF32, {3, 40, 48, 3});
  for (std::int64_t i = 0; i < pictures.count(); ++i) {
    const std::int64_t k = i % 3, x = i / 3 % 48, y = i / 144 % 40, n = i / 5760;
    float value = bias[k] + ((x + y) % 2 == 0 ? 0.01f : -0.01f);
    for (std::int64_t c = 0; c < 4; ++c) {
      value += rows[c][k] * latents.data<float>()[((n * 4 + c) * 5 + y / 8) * 6 + x / 8];
    }
    pictures.data<float>()[i] = value;
  }
  const models::LatentFormat found = fit_preview(latents, pictures, {});
  ASSERT_EQ(found.preview_rows.size(), 4u);
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(found.preview_bias[k], bias[k], 1e-5);
    for (std::size_t c = 0; c < 4; ++c) EXPECT_NEAR(found.preview_rows[c][k], rows[c][k], 1e-5);
  }
  const Tensor zero = Tensor::zeros(*device, DType::kF32, {3, 4, 5, 6});
  EXPECT_THROW(fit_preview(zero, pictures, {}), Error);
}

}  // namespace
}  // namespace dq::mini
