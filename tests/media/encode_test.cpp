// Writers: pixels and texts come back, the same input gives the same bytes.
#include <gtest/gtest.h>

#include "media/codec.h"
#include "media/metadata.h"
#include "media_goldens.h"
#include "support/temp_dir.h"

namespace dq::media {
namespace {

Image sample(int width, int height, int channels) {
  Image image = make_image(width, height, channels);
  std::uint32_t state = 1;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width * channels; ++x) {
      state = state * 1664525u + 1013904223u;
      image.row(y)[x] = static_cast<std::uint8_t>(x * 3 + y * 5 + static_cast<int>(state >> 29));
    }
  }
  return image;
}

const std::vector<TextEntry> kTexts = {
    {"parameters", "一只猫 🐱, ink\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 8x8"},
    {"prompt", R"({"1":{"class_type":"KSampler","inputs":{}}})"},
    {"workflow", R"({"nodes":[]})"},
    {"danqing", R"({"schema":1,"prompt":"一只猫"})"},
};

std::vector<TextEntry> sorted(std::vector<TextEntry> texts) {
  std::sort(texts.begin(), texts.end(), [](const TextEntry& a, const TextEntry& b) { return a.key < b.key; });
  return texts;
}

struct Case {
  const char* name;
  ImageFormat format;
  int channels;
  bool lossless;
};

class Encode : public testing::TestWithParam<Case> {};

TEST_P(Encode, PixelsTextsAndBytesAreKept) {
  const Case& c = GetParam();
  const Image image = sample(37, 23, c.channels);
  EncodeOptions options;
  options.format = c.format;
  options.lossless = c.lossless;
  options.quality = 95;
  options.texts = kTexts;
  const std::vector<std::byte> file = encode_image(image, options);
  EXPECT_EQ(file, encode_image(image, options));
  EXPECT_EQ(format_of(file), c.format);
  EXPECT_EQ(sorted(read_texts(file)), sorted(kTexts));
  const Image back = decode_image(file);
  if (c.format == ImageFormat::kPng || (c.lossless && c.channels != 1)) {
    EXPECT_EQ(back, image);
    return;
  }
  const Image want = flatten(c.lossless ? drop_alpha(image) : image);
  const Image got = flatten(back);
  ASSERT_EQ(got.pixels.size(), want.pixels.size());
  double sum = 0;
  for (std::size_t i = 0; i < got.pixels.size(); ++i) sum += std::abs(got.pixels[i] - want.pixels[i]);
  EXPECT_LT(sum / static_cast<double>(got.pixels.size()), 4.0);
}

INSTANTIATE_TEST_SUITE_P(
    All, Encode,
    testing::Values(Case{"png1", ImageFormat::kPng, 1, false}, Case{"png3", ImageFormat::kPng, 3, false},
                    Case{"png4", ImageFormat::kPng, 4, false}, Case{"jpeg1", ImageFormat::kJpeg, 1, false},
                    Case{"jpeg3", ImageFormat::kJpeg, 3, false}, Case{"webp1", ImageFormat::kWebp, 1, true},
                    Case{"webp3", ImageFormat::kWebp, 3, true}, Case{"webp4", ImageFormat::kWebp, 4, true}),
    [](const auto& row) { return row.param.name; });

TEST(EncodeJpeg, FlattensAlphaOverWhite) {
  Image image = make_image(16, 16, 4, 0);
  EncodeOptions options;
  options.format = ImageFormat::kJpeg;
  const Image back = decode_image(encode_image(image, options));
  EXPECT_EQ(back.channels, 3);
  EXPECT_EQ(back.pixels[0], 255);
}

TEST(EncodeJpeg, TextsBeyondExifGoToComments) {
  std::vector<TextEntry> texts = kTexts;
  texts[2].text = "{\"nodes\":\"" + std::string(200'000, 'x') + "\"}";
  EncodeOptions options;
  options.format = ImageFormat::kJpeg;
  options.texts = texts;
  const std::vector<std::byte> file = encode_image(sample(8, 8, 3), options);
  EXPECT_EQ(sorted(read_texts(file)), sorted(texts));
}

TEST(Encode, RefusesWhatCannotBeWritten) {
  const Image image = sample(8, 8, 3);
  EncodeOptions options;
  options.quality = 0;
  EXPECT_THROW(encode_image(image, options), Error);
  options.quality = 90;
  options.texts = {{"", "x"}};
  EXPECT_THROW(encode_image(image, options), Error);
  options.texts = {{"parameters", "bad \xff utf-8"}};
  EXPECT_THROW(encode_image(image, options), Error);
  options.format = ImageFormat::kWebp;
  EXPECT_THROW(encode_image(image, options), Error);
  options.texts.clear();
  EXPECT_THROW(encode_image(Image{8, 8, 3, {}}, options), Error);
}

TEST(Encode, NulBytesAreLeftOutOfTexts) {
  for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
    EncodeOptions options;
    options.format = format;
    options.texts = {{"parameters", std::string("a\0b", 3)}};
    EXPECT_EQ(read_texts(encode_image(sample(8, 8, 3), options)),
              (std::vector<TextEntry>{{"parameters", "ab"}}));
  }
}

TEST(WriteImage, IsWholeAndReadBack) {
  const test::TempDir dir;
  const Image image = sample(20, 10, 3);
  write_image(dir.path() / "墨 1.png", image);
  EXPECT_EQ(read_image(dir.path() / "墨 1.png"), image);
  // Nothing but the picture is left in the folder.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
  EXPECT_THROW(write_image(dir.path() / "missing" / "a.png", image), Error);
  try {
    read_image(dir.write("x.png", "GIF89a"));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(error.file().find("x.png"), std::string::npos);
    EXPECT_FALSE(error.hint().empty());
  }
}

}  // namespace
}  // namespace dq::media
