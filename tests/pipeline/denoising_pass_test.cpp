// Whole pictures against diffusers' networks under restated samplers (tests/golden/make_models.py).
#include "pipeline/denoising_pass.h"

#include <gtest/gtest.h>

#include "models/tiny_model.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "sampling/schedulers.h"
#include "support/golden.h"

namespace dq::test {
namespace {

constexpr int kSteps = 10;

struct Case {
  std::string name, sampler, scheduler;
  double denoise = 1;
};

std::span<const float> values(const Tensor& t) {
  return {t.data<float>(), static_cast<std::size_t>(t.count())};
}

class Pictures {
 public:
  Pictures(Precision precision, bool inpaint)
      : device_(ops::make_cpu_device({.precision = precision})),
        goldens_(files::open_weights(golden_path("models/pictures.safetensors"))) {
    files_.main = inpaint ? tiny_inpaint() : tiny_original();
    variant_ = family_.detect(files_.main).value();
    denoiser_ = family_.load_denoiser(files_, variant_, *device_);
    vae_ = family_.load_vae(files_, *device_);
    table_.emplace(variant_.schedule, variant_.prediction);
  }

  Tensor golden(const std::string& name) const { return test::golden(*goldens_, name, *device_); }
  Device& device() const { return *device_; }
  const models::Vae& vae() const { return *vae_; }
  float scale() const { return family_.latent_format().scale; }

  pipeline::DenoisingPass pass(const Case& c) const {
    pipeline::DenoisingPass pass{.denoiser = *denoiser_,
                                 .table = *table_,
                                 .prediction = variant_.prediction,
                                 .guidance = {},
                                 .sampler = &sampling::find_sampler(c.sampler),
                                 .sigmas = {},
                                 .options = {},
                                 .latent = {},
                                 .mask = {},
                                 .on_step = {}};
    pass.guidance.prompt.context = golden("context");
    pass.guidance.negative.context = golden("uncond");
    pass.guidance.scale = 7;
    pass.sigmas = sampling::make_sigmas(sampling::find_scheduler(c.scheduler), *table_,
                                        {.steps = kSteps, .denoise = c.denoise});
    pass.latent = Tensor::zeros(*device_, DType::kF32, golden("noise").shape());
    return pass;
  }

  // Runs, compares the noise levels and the picture; returns the picture's PSNR in dB.
  double picture_psnr(const Case& c, pipeline::DenoisingPass& pass) const {
    const Tensor sigmas = golden(c.name + ".sigmas");
    EXPECT_EQ(pass.sigmas.size(), static_cast<std::size_t>(sigmas.count()));
    for (std::size_t i = 0; i < pass.sigmas.size(); ++i) {
      EXPECT_NEAR(pass.sigmas[i], static_cast<double>(sigmas.data<float>()[i]), 1e-5 * (1 + pass.sigmas[i]))
          << c.name;
    }
    sampling::SeededNoise noise(sampling::NoiseOptions::whole_batch(42), *device_);
    const Tensor latent = pipeline::run_pass(pass, noise);
    const Tensor z = ops::combine({{1.0 / static_cast<double>(scale()), &latent}});
    return psnr(values(vae_->decode(z)), values(golden(c.name + ".image")), 2.0);
  }

 private:
  std::unique_ptr<Device> device_;
  std::shared_ptr<const files::WeightSource> goldens_;
  const models::Family& family_ = *models::families()[0];
  weights::ComponentSet files_;
  models::Variant variant_;
  std::unique_ptr<models::Denoiser> denoiser_;
  std::unique_ptr<models::Vae> vae_;
  std::optional<sampling::SigmaTable> table_;
};

const std::vector<Case> kPlain{{"euler_normal", "euler", "normal"},
                               {"dpmpp_2m_karras", "dpmpp_2m", "karras"},
                               {"ddim_uniform", "ddim", "ddim_uniform"}};

TEST(WholePictures, F32MatchesTheReference) {
  const Pictures pictures(Precision::kF32, false);
  for (const Case& c : kPlain) {
    pipeline::DenoisingPass pass = pictures.pass(c);
    EXPECT_GE(pictures.picture_psnr(c, pass), 45) << c.name;
  }
}

TEST(WholePictures, Bf16StaysClose) {
  const Pictures pictures(Precision::kBF16, false);
  for (const Case& c : kPlain) {
    pipeline::DenoisingPass pass = pictures.pass(c);
    EXPECT_GE(pictures.picture_psnr(c, pass), 30) << c.name;
  }
}

TEST(WholePictures, ImageToImageMatchesTheReference) {
  const Pictures pictures(Precision::kF32, false);
  const Case c{"img2img", "euler", "normal", 0.6};
  pipeline::DenoisingPass pass = pictures.pass(c);
  const Tensor init = pictures.golden("init");
  const Tensor ones = Tensor::full(pictures.device(), init.shape(), 1);
  const Tensor encoded = pictures.vae().encode(ops::combine({{2.0, &init}, {-1.0, &ones}}));
  pass.latent = ops::combine({{static_cast<double>(pictures.scale()), &encoded}});
  EXPECT_LE(relative_error(pass.latent, pictures.golden("img2img.latent")), 1e-4);
  EXPECT_GE(pictures.picture_psnr(c, pass), 45);
}

TEST(WholePictures, AMaskKeepsWhatItLeavesOut) {
  const Pictures pictures(Precision::kF32, false);
  const Case c{"noise_mask", "euler", "normal"};
  pipeline::DenoisingPass pass = pictures.pass(c);
  pass.latent = pictures.golden("img2img.latent");
  pass.mask = pictures.golden("noise_mask.mask");
  EXPECT_GE(pictures.picture_psnr(c, pass), 45);
}

TEST(WholePictures, NineChannelInpaintingMatchesTheReference) {
  const Pictures pictures(Precision::kF32, true);
  const Case c{"inpaint", "euler", "normal"};
  pipeline::DenoisingPass pass = pictures.pass(c);
  pass.latent = pictures.golden("img2img.latent");
  pass.mask = pictures.golden("noise_mask.mask");
  // The golden's own masked latent, behind the mask that we make ourselves.
  const Tensor concat = pictures.golden("inpaint.concat");
  pass.guidance.concat = pipeline::inpaint_input(*pass.mask, ops::contiguous(concat.slice(1, 1, 5)));
  EXPECT_EQ(relative_error(pass.guidance.concat, concat), 0);
  EXPECT_GE(pictures.picture_psnr(c, pass), 45);
}

TEST(WholePictures, AreTheSameBytesAgainAndTheSamePictureWithOtherThreadCounts) {
  std::vector<Tensor> latents;
  std::vector<std::unique_ptr<Device>> devices;
  for (const int threads : {2, 2, 1, 3}) {
    devices.push_back(ops::make_cpu_device({.threads = threads}));
    Device& device = *devices.back();
    weights::ComponentSet files;
    files.main = tiny_original();
    const models::Family& family = *models::families()[0];
    const models::Variant variant = family.detect(files.main).value();
    const auto denoiser = family.load_denoiser(files, variant, device);
    const sampling::SigmaTable table(variant.schedule, variant.prediction);
    pipeline::DenoisingPass pass{.denoiser = *denoiser,
                                 .table = table,
                                 .prediction = variant.prediction,
                                 .guidance = {},
                                 .sampler = &sampling::find_sampler("dpmpp_2m_sde"),
                                 .sigmas = {},
                                 .options = {},
                                 .latent = {},
                                 .mask = {},
                                 .on_step = {}};
    const auto goldens = files::open_weights(golden_path("models/pictures.safetensors"));
    pass.guidance.prompt.context = golden(*goldens, "context", device);
    pass.guidance.negative.context = golden(*goldens, "uncond", device);
    pass.sigmas = sampling::make_sigmas(sampling::find_scheduler("karras"), table, {.steps = 5});
    pass.latent = Tensor::zeros(device, DType::kF32, {1, 4, 16, 8});
    sampling::SeededNoise noise(sampling::NoiseOptions::whole_batch(7), device);
    latents.push_back(pipeline::run_pass(pass, noise));
  }
  for (std::size_t i = 1; i < latents.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(values(latents[0]), values(latents[i]))) << "run " << i;
  }
}

TEST(InpaintInput, WithoutAPictureEverythingIsToBePaintedOverGray) {
  const auto device = ops::make_cpu_device();
  const models::LatentFormat format = models::families()[0]->latent_format();
  const Tensor input = pipeline::inpaint_input_without_picture(*device, format, 2, 3, 5);
  ASSERT_EQ(input.shape(), (Shape{2, 5, 3, 5}));
  for (std::int64_t n = 0; n < 2; ++n) {
    const float* at = input.data<float>() + n * 75;
    for (int i = 0; i < 15; ++i) EXPECT_EQ(at[i], 1.0f);
    for (int c = 0; c < 4; ++c) {
      for (int i = 0; i < 15; ++i) EXPECT_EQ(at[15 + c * 15 + i], format.gray[static_cast<std::size_t>(c)]);
    }
  }
}

}  // namespace
}  // namespace dq::test
