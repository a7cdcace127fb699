// Resizing against Pillow and PyTorch; masks.
#include <gtest/gtest.h>

#include "media/codec.h"
#include "media/masks.h"
#include "media/resize.h"
#include "media_goldens.h"
#include "ops/devices.h"

namespace dq::media {
namespace {

using test::media_expected;
using test::media_file;

class Device1 : public testing::Test {
 protected:
  std::unique_ptr<Device> device = ops::make_ref_device();
};

using Images = Device1;
using Latents = Device1;
using Masks = Device1;

TEST(Resize, GivesPillowsBytes) {
  const nlohmann::json rows = media_expected("resize");
  EXPECT_GT(rows.size(), 20u);
  for (const auto& row : rows) {
    const Image source = decode_image(media_file(row["source"].get<std::string>()));
    const Image want = decode_image(media_file(row["file"].get<std::string>()));
    EXPECT_EQ(resize(source, want.width, want.height, resize_filter(row["filter"].get<std::string>())), want)
        << row;
  }
}

TEST_F(Latents, InterpolateAsPyTorch) {
  const nlohmann::json golden = test::media_expected("interpolate");
  const auto values = golden["x"].get<std::vector<float>>();
  const Tensor x = Tensor::from(*device, values, golden["shape"].get<Shape>());
  const std::map<std::string, Interpolation> modes = {{"nearest-exact", Interpolation::kNearestExact},
                                                      {"bilinear", Interpolation::kBilinear},
                                                      {"bicubic", Interpolation::kBicubic},
                                                      {"area", Interpolation::kArea}};
  for (const auto& row : golden["cases"]) {
    const Tensor y = interpolate(x, row["size"][0].get<int>(), row["size"][1].get<int>(),
                                 modes.at(row["mode"].get<std::string>()));
    const auto want = row["y"].get<std::vector<float>>();
    ASSERT_EQ(y.count(), static_cast<std::int64_t>(want.size()));
    EXPECT_LT(test::relative_error(std::span(y.data<float>(), want.size()), want), 1e-6)
        << row["mode"] << row["size"];
  }
}

TEST_F(Images, FloatResizeAgreesWithBytes) {
  const Image source = decode_image(media_file("resize_source3.png"));
  const Tensor y = resize(to_tensor(*device, source), 11, 17, ResizeFilter::kBilinear);
  const Image got = from_tensor(y), want = resize(source, 17, 11, ResizeFilter::kBilinear);
  for (std::size_t i = 0; i < got.pixels.size(); ++i) ASSERT_NEAR(got.pixels[i], want.pixels[i], 1);
}

TEST_F(Images, TensorsAndBackAreTheSame) {
  Image image = make_image(16, 16, 3);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(from_tensor(to_tensor(*device, image)), image);
  const std::vector<float> odd = {-5, 5, std::nanf(""), 0, 1.0f / 255, -1.0f / 255};
  EXPECT_EQ(from_tensor(Tensor::from(*device, odd, {1, 1, 2, 3})).pixels,
            (std::vector<std::uint8_t>{0, 255, 0, 128, 128, 127}));
}

TEST(Flatten, ComposesOverTheBackground) {
  Image image = make_image(3, 1, 4);
  image.pixels = {200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 128};
  EXPECT_EQ(flatten(image, {10, 20, 30}).pixels,
            (std::vector<std::uint8_t>{200, 100, 0, 10, 20, 30, 105, 60, 15}));
  EXPECT_EQ(drop_alpha(image).pixels, (std::vector<std::uint8_t>{200, 100, 0, 200, 100, 0, 200, 100, 0}));
  EXPECT_EQ(flatten(make_image(1, 1, 1, 9)).pixels, (std::vector<std::uint8_t>{9, 9, 9}));
}

// A picture whose red is its column and green its row.
Image ruler(int width, int height) {
  Image image = make_image(width, height, 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.row(y)[x * 3] = static_cast<std::uint8_t>(x);
      image.row(y)[x * 3 + 1] = static_cast<std::uint8_t>(y);
    }
  }
  return image;
}

TEST(Fit, CropsTheMiddleAndRepeatsEdges) {
  const Image cropped = fit(ruler(40, 20), 20, 20, Fit::kCrop);
  EXPECT_EQ(cropped, crop(ruler(40, 20), 10, 0, 20, 20));
  const Image padded = fit(ruler(20, 20), 40, 20, Fit::kPad);
  EXPECT_EQ(padded.width, 40);
  EXPECT_EQ(padded.row(3)[0], 0);
  EXPECT_EQ(padded.row(3)[10 * 3], 0);
  EXPECT_EQ(padded.row(3)[11 * 3], 1);
  EXPECT_EQ(padded.row(3)[39 * 3], 19);
  EXPECT_THROW(crop(ruler(4, 4), 1, 0, 4, 4), Error);
  EXPECT_THROW(resize(ruler(4, 4), 0, 4, ResizeFilter::kArea), Error);
  EXPECT_THROW(resize_filter("cubic"), Error);
}

TEST_F(Masks, WhiteRepaintsAndHolesRepaint) {
  Image gray = make_image(2, 1, 1);
  gray.pixels = {0, 255};
  Tensor mask = mask_from_image(*device, gray);
  EXPECT_EQ(mask.shape(), (Shape{1, 1, 1, 2}));
  EXPECT_EQ(mask.data<float>()[1], 1.0f);
  EXPECT_EQ(mask_to_image(mask), gray);
  Image photo = make_image(2, 1, 4);
  photo.pixels = {200, 10, 10, 255, 0, 0, 0, 0};  // a colour, and a hole
  mask = mask_from_image(*device, photo);
  EXPECT_EQ(mask.data<float>()[0], 0.0f);
  EXPECT_EQ(mask.data<float>()[1], 1.0f);
  Image strokes = make_image(2, 1, 4);
  strokes.pixels = {255, 255, 255, 255, 0, 0, 0, 0};  // white paint on glass
  mask = mask_from_image(*device, strokes);
  EXPECT_EQ(mask.data<float>()[0], 1.0f);
  EXPECT_EQ(mask.data<float>()[1], 0.0f);
  mask = mask_from_image(*device, strokes, MaskSource::kAlpha);
  EXPECT_EQ(mask.data<float>()[0], 0.0f);
}

TEST_F(Masks, GrowBlurThreshold) {
  Tensor mask = Tensor::zeros(*device, DType::kF32, {1, 1, 9, 9});
  mask.data<float>()[4 * 9 + 4] = 1;
  const Tensor grown = grow_mask(mask, 2);
  float sum = 0;
  for (int i = 0; i < 81; ++i) sum += grown.data<float>()[i];
  EXPECT_EQ(sum, 25.0f);
  EXPECT_EQ(test::relative_error(grow_mask(grown, -2), mask), 0.0);
  const Tensor blurred = blur_mask(mask, 1.0);
  // The kernel of σ = 1 cut at 3: weights e^(−k²/2) over their sum.
  const double side = 2 * (std::exp(-0.5) + std::exp(-2.0) + std::exp(-4.5)) + 1;
  EXPECT_NEAR(blurred.data<float>()[4 * 9 + 4], 1 / (side * side), 1e-6);
  EXPECT_NEAR(blurred.data<float>()[4 * 9 + 5], std::exp(-0.5) / (side * side), 1e-6);
  EXPECT_EQ(threshold_mask(blurred, 0.1f).data<float>()[4 * 9 + 4], 1.0f);
  EXPECT_EQ(threshold_mask(blurred, 0.1f).data<float>()[0], 0.0f);
  EXPECT_EQ(invert_mask(mask).data<float>()[0], 1.0f);
  const Tensor flat = blur_mask(grow_mask(mask, 9), 3.0);  // mirrored edges keep a flat mask flat
  for (int i = 0; i < 81; ++i) EXPECT_NEAR(flat.data<float>()[i], 1.0f, 1e-6);
}

}  // namespace
}  // namespace dq::media
