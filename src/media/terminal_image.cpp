#include "media/terminal_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "media/codec.h"

namespace dq::media {

namespace {

std::string base64(Bytes data) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((data.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < data.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = (bits << 8) | (i + k < data.size() ? static_cast<std::uint32_t>(data[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const bool inside = i + k <= data.size();  // k digits need k − 1 bytes and a bit
      out += inside ? kDigits[(bits >> (18 - 6 * k)) & 63] : '=';
    }
  }
  return out;
}

std::string kitty(const std::string& data, std::uint32_t id) {
  constexpr std::size_t kChunk = 4096;
  std::string out;
  for (std::size_t at = 0; at < data.size(); at += kChunk) {
    const int more = at + kChunk < data.size() ? 1 : 0;
    // a=T: send and show; f=100: PNG; q=2: no answers, which would land in the shell's input
    std::string keys = at == 0 ? "a=T,f=100,q=2," : "";
    if (at == 0 && id > 0) keys += fmt::format("i={},p=1,", id);
    out += fmt::format("\x1b_G{}m={};{}\x1b\\", keys, more, data.substr(at, kChunk));
  }
  return out + "\n";
}

// Six rows a band: each colour paints its dots of the band, '$' goes back to its start, '-' to the next.
std::string sixel_band(const Image& image, int top) {
  std::array<std::string, 216> rows;
  const auto colour = [&](int x, int y) {
    const std::uint8_t* p = image.row(y) + x * 3;
    const auto level = [](std::uint8_t v) { return (v * 5u + 127u) / 255u; };
    return level(p[0]) * 36 + level(p[1]) * 6 + level(p[2]);
  };
  const int height = std::min(6, image.height - top);
  for (int x = 0; x < image.width; ++x) {
    for (int y = 0; y < height; ++y) {
      std::string& row = rows[colour(x, top + y)];
      if (row.empty()) row.assign(static_cast<std::size_t>(image.width), '?');
      char& dots = row[static_cast<std::size_t>(x)];
      dots = static_cast<char>(((dots - '?') | (1 << y)) + '?');
    }
  }
  std::string out;
  for (std::size_t c = 0; c < rows.size(); ++c) {
    if (rows[c].empty()) continue;
    out += fmt::format("{}#{}", out.empty() ? "" : "$", c);
    for (std::size_t i = 0; i < rows[c].size();) {
      const std::size_t end = std::min(rows[c].find_first_not_of(rows[c][i], i), rows[c].size());
      out += end - i > 3 ? fmt::format("!{}{}", end - i, rows[c][i]) : rows[c].substr(i, end - i);
      i = end;
    }
  }
  return out + "-";
}

std::string sixel(const Image& image) {
  std::string out = fmt::format("\x1bP0;1;0q\"1;1;{};{}", image.width, image.height);
  for (int c = 0; c < 216; ++c) {
    out += fmt::format("#{};2;{};{};{}", c, c / 36 * 20, c / 6 % 6 * 20, c % 6 * 20);  // per cent
  }
  for (int top = 0; top < image.height; top += 6) out += sixel_band(image, top);
  return out + "\x1b\\";
}

}  // namespace

TerminalImages detect_terminal_images(const Environment& environment) {
  const std::string term = environment("TERM"), program = environment("TERM_PROGRAM");
  const auto begins = [&](std::string_view prefix) { return term.substr(0, prefix.size()) == prefix; };
  if (!environment("TMUX").empty() || !environment("STY").empty() || begins("screen") || begins("tmux") ||
      begins("dumb")) {
    return TerminalImages::kNone;
  }
  if (!environment("KITTY_WINDOW_ID").empty() || term == "xterm-kitty" || term == "xterm-ghostty" ||
      program == "ghostty") {
    return TerminalImages::kKitty;
  }
  if (program == "iTerm.app" || program == "WezTerm" || environment("LC_TERMINAL") == "iTerm2") {
    return TerminalImages::kIterm2;
  }
  if (begins("foot") || begins("mlterm") || begins("contour")) return TerminalImages::kSixel;
  return TerminalImages::kNone;
}

std::string terminal_picture(const Image& image, TerminalImages how, std::uint32_t id) {
  if (how == TerminalImages::kNone) return {};
  const Image flat = flatten(image, {0, 0, 0});
  if (how == TerminalImages::kSixel) return sixel(flat);
  const std::string data = base64(encode_image(flat));
  if (how == TerminalImages::kKitty) return kitty(data, id);
  return fmt::format("\x1b]1337;File=inline=1;width={}px;height={}px:{}\x07\n", flat.width, flat.height,
                     data);
}

}  // namespace dq::media
