#include <gtest/gtest.h>

#include <map>

#include "media/terminal_image.h"

namespace dq::media {
namespace {

TerminalImages detect(std::map<std::string, std::string> values) {
  return detect_terminal_images([&](const char* name) { return values[name]; });
}

TEST(Terminal, IsDetectedOnlyWhenKnown) {
  EXPECT_EQ(detect({}), TerminalImages::kNone);
  EXPECT_EQ(detect({{"TERM", "xterm-256color"}}), TerminalImages::kNone);
  EXPECT_EQ(detect({{"TERM", "xterm-kitty"}}), TerminalImages::kKitty);
  EXPECT_EQ(detect({{"TERM", "xterm-256color"}, {"KITTY_WINDOW_ID", "1"}}), TerminalImages::kKitty);
  EXPECT_EQ(detect({{"TERM_PROGRAM", "iTerm.app"}}), TerminalImages::kIterm2);
  EXPECT_EQ(detect({{"TERM_PROGRAM", "WezTerm"}}), TerminalImages::kIterm2);
  EXPECT_EQ(detect({{"TERM", "foot"}}), TerminalImages::kSixel);
  EXPECT_EQ(detect({{"TERM", "mlterm-256color"}}), TerminalImages::kSixel);
  EXPECT_EQ(detect({{"TERM", "xterm-kitty"}, {"TMUX", "/tmp/x"}}), TerminalImages::kNone);
  EXPECT_EQ(detect({{"TERM", "dumb"}, {"TERM_PROGRAM", "iTerm.app"}}), TerminalImages::kNone);
}

TEST(Terminal, KittyChunksHoldAtMost4096Digits) {
  Image image = make_image(64, 64, 3);
  std::uint32_t state = 1;
  for (std::uint8_t& v : image.pixels)
    v = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  const std::string out = terminal_picture(image, TerminalImages::kKitty, 7);
  std::size_t chunks = 0, at = 0;
  while ((at = out.find("\x1b_G", at)) != std::string::npos) {
    const std::size_t end = out.find("\x1b\\", at), data = out.find(';', at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - data - 1, 4096u);
    const bool last = out.find("\x1b_G", end) == std::string::npos;
    EXPECT_EQ(out.substr(at, data - at).find(last ? "m=0" : "m=1") != std::string::npos, true);
    at = end;
    ++chunks;
  }
  EXPECT_GT(chunks, 2u);
  EXPECT_EQ(out.substr(0, 29), "\x1b_Ga=T,f=100,q=2,i=7,p=1,m=1;");
}

TEST(Terminal, SixelOfTwoColours) {
  Image image = make_image(5, 2, 3, 0);
  image.pixels[0] = 255;  // red at (0, 0)
  const std::string out = terminal_picture(image, TerminalImages::kSixel);
  EXPECT_EQ(out.substr(0, 16), "\x1bP0;1;0q\"1;1;5;2");
  // Colour 180 is red: the first row's bit; black fills the rest of two rows (bits 1 and 2: '?' + 3 = 'B').
  EXPECT_NE(out.find("#0A!4B$#180@!4?-\x1b\\"), std::string::npos) << out.substr(out.size() - 40);
}

TEST(Terminal, ItermHoldsTheWholeFile) {
  const std::string out = terminal_picture(make_image(4, 4, 4), TerminalImages::kIterm2);
  EXPECT_EQ(out.find("\x1b]1337;File=inline=1;width=4px;height=4px:iVBORw0KGgo"), 0u);
  EXPECT_EQ(out.substr(out.size() - 2), "\x07\n");
  EXPECT_EQ(terminal_picture(make_image(4, 4, 3), TerminalImages::kNone), "");
}

}  // namespace
}  // namespace dq::media
