#include "pipeline/vae_tiling.h"

#include <gtest/gtest.h>

#include "models/tiny_model.h"
#include "ops/devices.h"
#include "support/golden.h"

namespace dq::test {
namespace {

std::span<const float> values(const Tensor& t) {
  return {t.data<float>(), static_cast<std::size_t>(t.count())};
}

// Repeats each cell: pixels that depend on nothing but their cell, so that any tiling must give the same
// picture.
class LocalVae final : public models::Vae {
 public:
  explicit LocalVae(int factor) : factor_(factor) {}
  Tensor encode(const Tensor& image) const override {
    const std::int64_t h = image.dim(1) / factor_, w = image.dim(2) / factor_;
    Tensor out = Tensor::empty(image.device(), DType::kF32, {1, 1, h, w});
    for (std::int64_t y = 0; y < h; ++y) {
      for (std::int64_t x = 0; x < w; ++x) {
        out.data<float>()[y * w + x] = image.data<float>()[(y * factor_ * image.dim(2) + x * factor_) * 3];
      }
    }
    ++calls;
    return out;
  }
  Tensor decode(const Tensor& latent) const override {
    const std::int64_t h = latent.dim(2) * factor_, w = latent.dim(3) * factor_;
    Tensor out = Tensor::empty(latent.device(), DType::kF32, {1, h, w, 3});
    for (std::int64_t i = 0; i < h * w * 3; ++i) {
      out.data<float>()[i] =
          latent.data<float>()[(i / 3 / w / factor_) * latent.dim(3) + (i / 3 % w) / factor_];
    }
    ++calls;
    largest = std::max(largest, decode_bytes(latent.dim(2), latent.dim(3)));
    return out;
  }
  std::int64_t decode_bytes(std::int64_t h, std::int64_t w) const override { return h * w * 1000; }
  std::int64_t encode_bytes(std::int64_t h, std::int64_t w) const override { return h * w * 1000; }

  mutable int calls = 0;
  mutable std::int64_t largest = 0;

 private:
  int factor_;
};

TEST(VaeTiling, WholeWhenItFits) {
  const auto device = ops::make_cpu_device();
  const LocalVae vae(8);
  pipeline::TilingReport report;
  pipeline::decode_within(vae, random_tensor(*device, {2, 1, 20, 30}, 1), 8, 1'000'000, &report);
  EXPECT_FALSE(report.tiled);
  EXPECT_EQ(vae.calls, 2);  // one picture at a time
}

TEST(VaeTiling, TilesStayWithinTheBudgetAndCoverEverything) {
  const auto device = ops::make_cpu_device();
  for (const Shape& shape :
       {Shape{1, 1, 64, 64}, Shape{2, 1, 33, 97}, Shape{1, 1, 17, 200}, Shape{1, 1, 100, 16}}) {
    const LocalVae vae(8);
    const Tensor latent = random_tensor(*device, shape, 3);
    pipeline::TilingReport report;
    const Tensor tiled = pipeline::decode_within(vae, latent, 8, 500'000, &report);
    EXPECT_TRUE(report.tiled);
    EXPECT_LE(vae.largest, 500'000);
    ASSERT_EQ(tiled.shape(), (Shape{shape[0], shape[2] * 8, shape[3] * 8, 3}));
    const Tensor whole = pipeline::decode_within(LocalVae(8), latent, 8, std::int64_t{1} << 40);
    EXPECT_LE(relative_error(tiled, whole), 1e-6);
    EXPECT_LE(relative_error(pipeline::encode_within(vae, whole, 8, 500'000), latent), 1e-6);
  }
}

TEST(VaeTiling, ABudgetThatIsTooSmallStillWorksWithTheSmallestTiles) {
  const auto device = ops::make_cpu_device();
  const LocalVae vae(8);
  pipeline::TilingReport report;
  pipeline::decode_within(vae, random_tensor(*device, {1, 1, 40, 40}, 3), 8, 1, &report);
  EXPECT_EQ(report.tile, 16);
}

// The real network looks a little beyond each tile and normalises over it, so a tile's picture differs
// slightly; the blend must hide that. The picture here is random: the hardest case.
TEST(VaeTiling, SeamsOfTheRealNetworkDoNotShow) {
  const auto device = ops::make_cpu_device();
  weights::ComponentSet files;
  files.main = tiny_original();
  const auto vae = models::families()[0]->load_vae(files, *device);
  const Tensor latent = random_tensor(*device, {1, 4, 48, 40}, 5, -4, 4);
  const Tensor whole = vae->decode(latent);
  pipeline::TilingReport report;
  const Tensor tiled = pipeline::decode_within(*vae, latent, 8, vae->decode_bytes(36, 36), &report);
  EXPECT_TRUE(report.tiled);
  EXPECT_GE(psnr(values(tiled), values(whole), 2.0), 25);
}

TEST(VaeTiling, TheEstimateBoundsWhatDecodingReallyTakes) {
  const auto device = ops::make_cpu_device();
  weights::ComponentSet files;
  files.main = tiny_original();
  const auto vae = models::families()[0]->load_vae(files, *device);
  const std::int64_t before = device->memory().now;
  const Tensor latent = random_tensor(*device, {1, 4, 64, 64}, 5);
  vae->decode(latent);
  const std::int64_t took = device->memory().peak - before;
  EXPECT_LE(took, vae->decode_bytes(64, 64) * 5 / 4);
  EXPECT_GE(took, vae->decode_bytes(64, 64) / 3);
}

}  // namespace
}  // namespace dq::test
