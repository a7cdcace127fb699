// Decoders against Pillow and hand-made PNGs, and hostile files.
#include <gtest/gtest.h>

#include "base/process_memory.h"
#include "base/sha256.h"
#include "media/codec.h"
#include "media_goldens.h"

namespace dq::media {
namespace {

using test::media_expected;
using test::media_file;

std::string pixel_hash(const Image& image) {
  return sha256_hex(std::as_bytes(std::span(image.pixels)));
}

ErrorCode code_of(Bytes file, const ImageLimits& limits = {}) {
  try {
    decode_image(file, limits);
  } catch (const Error& error) {
    EXPECT_FALSE(error.message().empty());
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kInternal;
}

class EveryKind : public testing::TestWithParam<std::string> {};

TEST_P(EveryKind, HasThePixelsPillowSees) {
  const nlohmann::json want = test::media_expected("codec")[GetParam()];
  const Image image = decode_image(media_file(GetParam()));
  EXPECT_EQ(image.width, want["width"].get<int>());
  EXPECT_EQ(image.height, want["height"].get<int>());
  EXPECT_EQ(image.channels, want["channels"].get<int>());
  EXPECT_EQ(pixel_hash(image), want["sha256"].get<std::string>());
}

std::vector<std::string> kinds() {
  std::vector<std::string> names;
  const nlohmann::json all = media_expected("codec");
  for (const auto& [name, value] : all.items()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Decode, EveryKind, testing::ValuesIn(kinds()),
                         [](const auto& row) { return test::test_name(row.param); });

TEST_P(EveryKind, CutAnywhereGivesAnErrorOrTheSamePicture) {
  const std::vector<std::byte> file = media_file(GetParam());
  const Image whole = decode_image(file);
  for (std::size_t size = 0; size < file.size(); size += 1 + file.size() / 97) {
    try {
      // Only what stands behind the last row may be lost without notice.
      EXPECT_EQ(decode_image(Bytes(file).first(size)), whole) << size << " of " << file.size();
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kBadFile || error.code() == ErrorCode::kUnsupported)
          << error.what();
      EXPECT_FALSE(error.hint().empty() && error.code() == ErrorCode::kUnsupported) << error.what();
    }
  }
}

std::vector<std::byte> patched(std::string name, std::size_t at, std::vector<std::uint8_t> bytes) {
  std::vector<std::byte> file = media_file(name);
  for (std::size_t i = 0; i < bytes.size(); ++i) file[at + i] = static_cast<std::byte>(bytes[i]);
  return file;
}

// Width and height of a PNG at 16, of a lossless WebP in 28 bits behind its signature byte at 21.
TEST(Bombs, HugeHeadersAreRefusedWithoutTakingMemory) {
  const std::int64_t before = resident_bytes();
  reset_peak_resident();
  EXPECT_EQ(code_of(patched("rgb8.png", 16, {0, 0, 0x80, 1, 0, 0, 0, 7})), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(patched("rgb8.png", 16, {0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})),
            ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(patched("rgb8.png", 16, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})),
            ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(patched("rgb8.png", 16, {0, 0, 0, 0, 0, 0, 0, 7})), ErrorCode::kBadFile);
  // 9000×9000 is within the limits, but no 200-byte file can hold it.
  EXPECT_EQ(code_of(patched("rgb8.png", 16, {0, 0, 0x23, 0x28, 0, 0, 0x23, 0x28})), ErrorCode::kBadFile);
  EXPECT_EQ(code_of(patched("lossless.webp", 21, {0xff, 0xff, 0xff, 0x0f})), ErrorCode::kUnsupported);
  EXPECT_LT(peak_resident_bytes() - before, 8 << 20);
}

// The frame header of a JPEG: FF C0, length, precision, height, width.
std::size_t frame_header(const std::vector<std::byte>& file, std::byte kind) {
  for (std::size_t i = 2; i + 9 < file.size(); ++i) {
    if (file[i] == std::byte{0xff} && file[i + 1] == kind) return i + 5;
  }
  throw std::runtime_error("no frame header");
}

TEST(Bombs, JpegsToo) {
  const std::int64_t before = resident_bytes();
  reset_peak_resident();
  const std::size_t baseline = frame_header(media_file("j444.jpg"), std::byte{0xc0});
  EXPECT_EQ(code_of(patched("j444.jpg", baseline, {0xff, 0xdc, 0xff, 0xdc})), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(patched("j444.jpg", baseline, {0x23, 0x28, 0x23, 0x28})), ErrorCode::kBadFile);
  const std::size_t progressive = frame_header(media_file("progressive.jpg"), std::byte{0xc2});
  EXPECT_EQ(code_of(patched("progressive.jpg", progressive, {0x23, 0x28, 0x23, 0x28})), ErrorCode::kBadFile);
  EXPECT_LT(peak_resident_bytes() - before, 8 << 20);
}

TEST(Limits, ACallerMaySetThemLower) {
  ImageLimits limits;
  limits.max_pixels = 13 * 7 - 1;
  EXPECT_EQ(code_of(media_file("rgb8.png"), limits), ErrorCode::kUnsupported);
  limits = {};
  limits.max_side = 12;
  EXPECT_EQ(code_of(media_file("rgb8.png"), limits), ErrorCode::kUnsupported);
  limits = {};
  limits.max_decoded_bytes = 13 * 7 * 4 - 1;
  EXPECT_EQ(code_of(media_file("rgb8.png"), limits), ErrorCode::kUnsupported);
  limits = {};
  limits.max_file_bytes = 100;
  EXPECT_EQ(code_of(media_file("rgb8.png"), limits), ErrorCode::kUnsupported);
}

TEST(Format, IsToldByContent) {
  EXPECT_EQ(format_of(media_file("rgb8.png")), ImageFormat::kPng);
  EXPECT_EQ(format_of(media_file("gray.jpg")), ImageFormat::kJpeg);
  EXPECT_EQ(format_of(media_file("alpha.webp")), ImageFormat::kWebp);
  for (const std::string_view other : {"GIF89a......", "<svg xmlns=", "", "x",
                                       "\0\0\0\x1c"
                                       "ftypavif"}) {
    EXPECT_THROW(format_of(test::as_bytes(other)), Error);
  }
  EXPECT_EQ(format_for_path("a/b.JPEG"), ImageFormat::kJpeg);
  EXPECT_THROW(format_for_path("a/b.gif"), Error);
}

}  // namespace
}  // namespace dq::media
