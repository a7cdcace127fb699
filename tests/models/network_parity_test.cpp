// Our networks against what diffusers and transformers compute from the same stored weights (make_models.py).
#include <gtest/gtest.h>

#include "models/autoencoder_kl/autoencoder.h"
#include "models/autoencoder_kl/names.h"
#include "models/clip_text/clip_text.h"
#include "models/clip_text/names.h"
#include "models/tiny_model.h"
#include "models/unet/names.h"
#include "models/unet/unet.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "support/golden.h"

namespace dq::test {
namespace {

using weights::TensorTable;

constexpr double kSinglePass = 1e-4;
constexpr double kBf16Decibels = 30;

struct Layout {
  std::string name;
  TensorTable (*table)();
};

const std::vector<Layout> kLayouts{{"folder", tiny_folder},
                                   {"old_folder", tiny_old_folder},
                                   {"original", tiny_original},
                                   {"old_text_prefix", tiny_old_text_prefix},
                                   {"with_ema", tiny_with_ema}};

class NetworkParity : public testing::TestWithParam<Layout> {
 protected:
  std::unique_ptr<Device> device_ = ops::make_cpu_device();
  TensorTable table_ = GetParam().table();
};

std::span<const float> values(const Tensor& t) {
  return {t.data<float>(), static_cast<std::size_t>(t.count())};
}

float peak_of(const Tensor& t) {
  float peak = 0;
  for (const float v : values(t)) peak = std::max(peak, std::abs(v));
  return peak;
}

models::unet::Unet make_unet(const TensorTable& file, Device& device) {
  const TensorTable table = models::unet::locate(file);
  std::optional<models::unet::Config> config = models::unet::read_config(table);
  config.value().heads = 8;
  return models::unet::Unet(table, *config, device);
}

Tensor run_case(const models::unet::Unet& unet, const files::WeightSource& golden_file,
                const std::string& name, Device& device) {
  models::DenoiserInput input;
  input.x = golden(golden_file, name + ".x", device);
  input.timesteps = {static_cast<double>(golden(golden_file, name + ".t", device).data<float>()[0])};
  input.context = golden(golden_file, name + ".context", device);
  if (input.x.dim(1) == 9) {
    input.concat = ops::contiguous(input.x.slice(1, 4, 9));
    input.x = ops::contiguous(input.x.slice(1, 0, 4));
  }
  return unet(input);
}

TEST_P(NetworkParity, UnetMatchesDiffusers) {
  const models::unet::Unet unet = make_unet(table_, *device_);
  const auto file = files::open_weights(golden_path("models/unet.safetensors"));
  for (const std::string name : {"plain", "late", "wide", "ragged", "fraction"}) {
    const Tensor out = run_case(unet, *file, name, *device_);
    EXPECT_LE(relative_error(out, golden(*file, name + ".out", *device_)), kSinglePass) << name;
  }
}

TEST_P(NetworkParity, VaeMatchesDiffusers) {
  const TensorTable table = models::autoencoder_kl::locate(table_);
  const models::autoencoder_kl::AutoencoderKl vae(table, models::autoencoder_kl::read_config(table).value(),
                                                  *device_);
  const auto file = files::open_weights(golden_path("models/vae.safetensors"));
  for (const std::string name : {"square", "tall"}) {
    const Tensor mean = vae.encode(golden(*file, name + ".image", *device_));
    EXPECT_LE(relative_error(mean, golden(*file, name + ".mean", *device_)), kSinglePass) << name;
    const Tensor decoded = vae.decode(golden(*file, name + ".latent", *device_));
    EXPECT_LE(relative_error(decoded, golden(*file, name + ".decoded", *device_)), kSinglePass) << name;
  }
}

TEST_P(NetworkParity, TextEncoderMatchesTransformersAtEveryLayer) {
  constexpr std::array<std::string_view, 2> kPrefixes{"cond_stage_model.transformer.", "text_encoder."};
  const TensorTable table = models::clip_text::locate(table_, kPrefixes);
  models::clip_text::Config config = models::clip_text::read_config(table).value();
  config.heads = 4;
  const models::clip_text::ClipText encoder(table, config, *device_);
  const auto file = files::open_weights(golden_path("models/text_encoder.safetensors"));
  const Tensor ids = golden(*file, "ids", *device_);
  std::vector<std::int32_t> tokens;
  for (const float id : values(ids)) tokens.push_back(static_cast<std::int32_t>(id));
  const Tensor embedded = encoder.embed(tokens).reshape({ids.dim(0), ids.dim(1), config.width});
  for (int skip = 0; skip < config.layers; ++skip) {
    const Tensor hidden = encoder.hidden(embedded, skip);
    const std::string name = "hidden." + std::to_string(config.layers - skip);
    EXPECT_LE(relative_error(hidden, golden(*file, name, *device_)), kSinglePass) << name;
  }
  const Tensor last = encoder.final_norm(encoder.hidden(embedded, 0));
  EXPECT_LE(relative_error(last, golden(*file, "last", *device_)), kSinglePass);
  const Tensor skip2 = encoder.final_norm(encoder.hidden(embedded, 1));
  EXPECT_LE(relative_error(skip2, golden(*file, "skip2", *device_)), kSinglePass);
  // The pooled row stands at the first end token; here that is the largest id.
  const Tensor pooled = golden(*file, "pooled", *device_);
  for (std::int64_t n = 0; n < ids.dim(0); ++n) {
    const auto row = values(ids).subspan(static_cast<std::size_t>(n * 77), 77);
    const auto end = std::max_element(row.begin(), row.end()) - row.begin();
    const auto at = static_cast<std::size_t>((n * 77 + end) * config.width);
    EXPECT_LE(relative_error(values(last).subspan(at, static_cast<std::size_t>(config.width)),
                             values(pooled).subspan(static_cast<std::size_t>(n * config.width),
                                                    static_cast<std::size_t>(config.width))),
              kSinglePass);
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, NetworkParity, testing::ValuesIn(kLayouts),
                         [](const testing::TestParamInfo<Layout>& layout) { return layout.param.name; });

TEST(InpaintUnet, MatchesDiffusersWithNineChannels) {
  const auto device = ops::make_cpu_device();
  const models::unet::Unet unet = make_unet(tiny_inpaint(), *device);
  const auto file = files::open_weights(golden_path("models/unet.safetensors"));
  for (const std::string name : {"inpaint", "inpaint_wide"}) {
    const Tensor out = run_case(unet, *file, name, *device);
    EXPECT_LE(relative_error(out, golden(*file, name + ".out", *device)), kSinglePass) << name;
  }
}

TEST(InpaintUnet, RefusesTheWrongNumberOfChannels) {
  const auto device = ops::make_cpu_device();
  const models::unet::Unet unet = make_unet(tiny_inpaint(), *device);
  models::DenoiserInput input;
  input.x = Tensor::zeros(*device, DType::kF32, {1, 4, 8, 8});
  input.context = Tensor::zeros(*device, DType::kF32, {1, 77, 48});
  EXPECT_THROW(unet(input), Error);
}

TEST(Bfloat16, NetworksStayCloseToTheF32Reference) {
  const auto device = ops::make_cpu_device({.precision = Precision::kBF16});
  const models::unet::Unet unet = make_unet(tiny_original(), *device);
  const auto file = files::open_weights(golden_path("models/unet.safetensors"));
  for (const std::string name : {"plain", "late", "wide"}) {
    const Tensor want = golden(*file, name + ".out", *device);
    const Tensor out = run_case(unet, *file, name, *device);
    EXPECT_GE(psnr(values(out), values(want), 2.0 * static_cast<double>(peak_of(want))), kBf16Decibels)
        << name;
    // bf16 that is not used at all would pass the line above.
    EXPECT_GE(relative_error(out, want), 1e-5) << name;
  }
  const TensorTable table = models::autoencoder_kl::locate(tiny_original());
  const models::autoencoder_kl::AutoencoderKl vae(table, models::autoencoder_kl::read_config(table).value(),
                                                  *device);
  const auto vae_file = files::open_weights(golden_path("models/vae.safetensors"));
  const Tensor want = golden(*vae_file, "square.decoded", *device);
  const Tensor out = vae.decode(golden(*vae_file, "square.latent", *device));
  EXPECT_GE(psnr(values(out), values(want), 2.0), kBf16Decibels);
}

}  // namespace
}  // namespace dq::test
