// The event file's bytes against TFRecord's published test values and a decoder written here; the chart's
// pixels.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include "support/temp_dir.h"
#include "train/event_file.h"
#include "train/loss_chart.h"

namespace dq::train {
namespace {

TEST(EventFile, ChecksumsAreCrc32c) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);            // the check value of CRC-32C
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::uint32_t little32(const std::string& s, std::size_t at) {
  std::uint32_t v;
  std::memcpy(&v, s.data() + at, 4);
  return v;
}

TEST(EventFile, RecordsHoldTagStepAndValue) {
  const test::TempDir folder;
  const auto path = folder.path() / "events.out.tfevents.1.danqing";
  EventFile(path).add("loss", 300, 0.25, 12.5);
  EventFile(path).add("loss", 301, 0.5, 13);  // appends: no second head
  const std::string bytes = contents(path);
  std::vector<std::string> events;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint64_t length;
    std::memcpy(&length, bytes.data() + at, 8);
    const auto masked = [](std::uint32_t c) { return ((c >> 15) | (c << 17)) + 0xa282ead8u; };
    EXPECT_EQ(little32(bytes, at + 8), masked(crc32c(bytes.substr(at, 8))));
    events.push_back(bytes.substr(at + 12, length));
    EXPECT_EQ(little32(bytes, at + 12 + length), masked(crc32c(events.back())));
    at += 16 + length;
  }
  ASSERT_EQ(events.size(), 3u);
  EXPECT_NE(events[0].find("brain.Event:2"), std::string::npos);
  // wall time, step 300 as a varint, summary{value{tag "loss", simple_value 0.25}}
  const std::string expected =
      std::string("\x09\x00\x00\x00\x00\x00\x00\x29\x40\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15", 23) +
      std::string("\x00\x00\x80\x3e", 4);
  EXPECT_EQ(events[1], expected);
}

int count(const media::Image& image, media::Rgb colour) {
  int n = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    n += image.pixels[i] == colour[0] && image.pixels[i + 1] == colour[1] && image.pixels[i + 2] == colour[2];
  }
  return n;
}

TEST(LossChart, ShowsCurveMeanAndDots) {
  std::vector<ChartPoint> training, validation{{0, 0.2}, {100, 0.1}};
  for (int i = 0; i <= 100; ++i)
    training.push_back({static_cast<double>(i), 0.1 + 0.1 * std::exp(-i / 30.0) + 0.02 * std::sin(i)});
  training[50].loss = std::numeric_limits<double>::quiet_NaN();
  const media::Image image = draw_chart({.training = training, .validation = validation});
  EXPECT_GT(count(image, {24, 92, 173}), 800);  // the mean crosses 870 columns
  EXPECT_GT(count(image, {178, 205, 235}), 400);
  EXPECT_EQ(count(image, {214, 84, 22}), 2 * 49);
}

TEST(LossChart, NothingYetIsAnEmptyFrame) {
  const media::Image image = draw_chart({});
  EXPECT_EQ(count(image, {24, 92, 173}), 0);
  EXPECT_GT(count(image, {90, 96, 104}), 1000);
  const std::vector<ChartPoint> one{{5, 0.3}};
  EXPECT_NO_THROW(draw_chart({.training = one, .validation = {}}));
}

}  // namespace
}  // namespace dq::train
