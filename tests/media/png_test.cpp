#include <gtest/gtest.h>

#include "media/png_file.h"

namespace dq::media {
namespace {

TEST(Png, SameInputGivesSameBytes) {
  Image image = make_image(33, 17, 3);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 7);
  const std::vector<TextEntry> texts = {{"parameters", "a cat, 丹青"}, {"danqing", "{}"}};
  EXPECT_EQ(encode_png(image, texts), encode_png(image, texts));
}

}  // namespace
}  // namespace dq::media
