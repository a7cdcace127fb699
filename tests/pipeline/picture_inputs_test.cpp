// The pictures a request starts from: sizes, hashes, masks, and what must stay exact.
#include "pipeline/picture_inputs.h"

#include <gtest/gtest.h>

#include "base/sha256.h"
#include "media/codec.h"
#include "ops/devices.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;
using pipeline::PictureInputs;
using pipeline::Request;

class PictureInput : public testing::Test {
 protected:
  std::string written(const std::string& name, const media::Image& image) const {
    const fs::path path = dir_.path() / name;
    media::write_image(path, image);
    return path.string();
  }
  Request request(const std::string& init, const std::string& mask = "", int side = 16) const {
    Request r;
    r.init_image = init;
    r.mask_image = mask;
    r.mask_blur = 0;
    r.width = r.height = side;
    return r;
  }

  TempDir dir_;
  std::unique_ptr<Device> device_ = ops::make_cpu_device();
};

void paint_columns(media::Image& image, int begin, int end, std::uint8_t value) {
  const int c = image.channels;
  for (int y = 0; y < image.height; ++y) std::fill(image.row(y) + begin * c, image.row(y) + end * c, value);
}

TEST_F(PictureInput, GiveTheirSizeToARequestThatHasNone) {
  struct Case {
    int width, height, to_width, to_height;
  };
  for (const Case& c : {Case{64, 48, 64, 48}, {67, 100, 64, 104}, {3, 20, 8, 24}}) {
    Request r = request(written("a.png", media::make_image(c.width, c.height, 3)), "", 0);
    pipeline::adopt_picture_size(r, 8);
    EXPECT_EQ(r.width, c.to_width);
    EXPECT_EQ(r.height, c.to_height);
  }
  Request given = request(written("a.png", media::make_image(64, 48, 3)), "", 32);
  pipeline::adopt_picture_size(given, 8);
  EXPECT_EQ(given.width, 32);
  EXPECT_EQ(given.height, 32);
  Request none;
  pipeline::adopt_picture_size(none, 8);
  EXPECT_EQ(none.width, 0);
}

TEST_F(PictureInput, AreReadOnce) {
  const media::Image image = media::make_image(16, 16, 3, 77);
  Request r = request(written("a.png", image), "", 0);
  media::Image read = pipeline::adopt_picture_size(r, 8);
  EXPECT_EQ(r.init_sha256.size(), 64u);
  fs::remove(r.init_image);
  EXPECT_EQ(pipeline::read_pictures(r, *device_, std::move(read)).original, image);
}

TEST_F(PictureInput, AreMeasuredUpright) {
  Request upright = request(golden_path("media/orientation1.jpg"), "", 0);
  Request turned = request(golden_path("media/orientation6.jpg"), "", 0);
  pipeline::adopt_picture_size(upright, 1);
  pipeline::adopt_picture_size(turned, 1);
  // One stored size; orientation 6 lies on its side.
  EXPECT_EQ(turned.width, upright.height);
  EXPECT_EQ(turned.height, upright.width);
  EXPECT_NE(turned.width, turned.height);
}

TEST_F(PictureInput, AreReadAtTheRequestsSizeAndRemembered) {
  media::Image image = media::make_image(16, 16, 3, 100);
  paint_columns(image, 0, 4, 255);
  Request r = request(written("a.png", image));
  const PictureInputs inputs = pipeline::read_pictures(r, *device_);
  EXPECT_EQ(inputs.original, image);
  EXPECT_EQ(inputs.image.shape(), (Shape{1, 16, 16, 3}));
  EXPECT_FLOAT_EQ(inputs.image.data<float>()[0], 1.0f);
  EXPECT_FLOAT_EQ(inputs.image.data<float>()[15 * 3], 100 / 127.5f - 1);
  EXPECT_FALSE(inputs.mask.defined());
  EXPECT_EQ(r.init_sha256, sha256_hex(MappedFile::open(r.init_image)->bytes()));
  EXPECT_EQ(r.mask_sha256, "");
}

TEST_F(PictureInput, FillTheFrameAndLoseTheirSides) {
  media::Image image = media::make_image(64, 16, 3, 100);
  paint_columns(image, 0, 20, 0);
  paint_columns(image, 44, 64, 255);
  Request r = request(written("a.png", image));
  EXPECT_EQ(pipeline::read_pictures(r, *device_).original, media::make_image(16, 16, 3, 100));
}

TEST_F(PictureInput, WithHolesStandOnWhite) {
  media::Image image = media::make_image(16, 16, 4, 40);
  for (std::size_t i = 3; i < image.pixels.size(); i += 4) image.pixels[i] = 0;
  Request r = request(written("a.png", image));
  EXPECT_EQ(pipeline::read_pictures(r, *device_).original, media::make_image(16, 16, 3, 255));
}

TEST_F(PictureInput, OtherThanTheRequestsOwnAreRefused) {
  const std::string a = written("a.png", media::make_image(16, 16, 3, 1)),
                    b = written("b.png", media::make_image(16, 16, 3, 2));
  Request first = request(a, b);
  pipeline::read_pictures(first, *device_);
  EXPECT_NO_THROW(pipeline::read_pictures(first, *device_));  // the same ones once more
  for (const bool mask : {false, true}) {
    Request other = first;
    (mask ? other.mask_image : other.init_image) = mask ? a : b;
    try {
      pipeline::read_pictures(other, *device_);
      ADD_FAILURE() << "another picture was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadFile);
      EXPECT_EQ(error.file(), mask ? a : b);
    }
  }
}

TEST_F(PictureInput, ThatAreNoneAreNamed) {
  Request r = request(dir_.write("text.png", "no picture").string());
  try {
    pipeline::read_pictures(r, *device_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.file(), r.init_image);
  }
}

TEST_F(PictureInput, MasksAreLightnessOrTransparency) {
  const std::string init = written("a.png", media::make_image(16, 16, 3));
  media::Image luma = media::make_image(16, 16, 1, 0);
  paint_columns(luma, 8, 12, 51);
  paint_columns(luma, 12, 16, 255);
  Request r = request(init, written("luma.png", luma));
  const PictureInputs inputs = pipeline::read_pictures(r, *device_);
  ASSERT_EQ(inputs.mask.shape(), (Shape{1, 1, 16, 16}));
  EXPECT_FLOAT_EQ(inputs.mask.data<float>()[7], 0);
  EXPECT_FLOAT_EQ(inputs.mask.data<float>()[8], 0.2f);
  EXPECT_FLOAT_EQ(inputs.mask.data<float>()[12], 1);
  EXPECT_EQ(r.mask_sha256.size(), 64u);

  media::Image holes = media::make_image(16, 16, 4, 255);
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 16; ++x) {
      holes.row(y)[4 * x] = 10;                   // in colour
      holes.row(y)[4 * x + 3] = x < 4 ? 0 : 255;  // cut out at the left
    }
  }
  Request cut = request(init, written("holes.png", holes));
  const PictureInputs by_alpha = pipeline::read_pictures(cut, *device_);
  EXPECT_FLOAT_EQ(by_alpha.mask.data<float>()[3], 1);
  EXPECT_FLOAT_EQ(by_alpha.mask.data<float>()[4], 0);
}

TEST_F(PictureInput, MasksAreSoftenedByTheBlur) {
  media::Image half = media::make_image(64, 64, 1, 0);
  paint_columns(half, 32, 64, 255);
  Request r = request(written("a.png", media::make_image(64, 64, 3)), written("m.png", half), 64);
  r.mask_blur = 4;
  const PictureInputs inputs = pipeline::read_pictures(r, *device_);
  const float* mask = inputs.mask.data<float>();
  for (int x = 1; x < 64; ++x) EXPECT_GE(mask[x], mask[x - 1]);
  // The edge lies between columns 31 and 32: a Gaussian's integral, antisymmetric about it.
  EXPECT_GT(mask[31], 0.4f);
  EXPECT_NEAR(mask[31] + mask[32], 1, 1e-5);
  EXPECT_FLOAT_EQ(mask[32 - 11], 0);  // 2.5 deviations away
  EXPECT_FLOAT_EQ(mask[31 + 11], 1);
}

TEST_F(PictureInput, OutsideTheMaskTheOriginalStaysExact) {
  PictureInputs inputs;
  inputs.original = media::make_image(3, 1, 3, 11);
  inputs.mask = Tensor::from(*device_, std::vector<float>{0, 0.5f, 1}, {1, 1, 1, 3});
  const media::Image out = pipeline::keep_outside_mask(media::make_image(3, 1, 3, 200), inputs);
  EXPECT_EQ(out.pixels, (std::vector<std::uint8_t>{11, 11, 11, 106, 106, 106, 200, 200, 200}));
}

}  // namespace
}  // namespace dq::test
