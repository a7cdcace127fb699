#include "app/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "media/resize.h"

namespace dq::app {
namespace {

std::string bar(int step, int steps) {
  constexpr int kWidth = 20;
  const int full = steps > 0 ? step * kWidth / steps : 0;
  std::string out;
  for (int i = 0; i < kWidth; ++i) out += i < full ? "█" : "░";
  return out;
}

std::string speed(double seconds_per_step) {
  return seconds_per_step < 1 ? fmt::format("{:.2f} steps/s", 1 / seconds_per_step)
                              : fmt::format("{:.2f} s/step", seconds_per_step);
}

std::string describe(const pipeline::Progress& p) {
  if (p.stage != pipeline::Stage::kSampling) return std::string(to_string(p.stage));
  std::string text = fmt::format("{} step {}/{}", bar(p.step, p.steps), p.step, p.steps);
  if (p.seconds_per_step > 0) {
    text += " · " + pace(p.seconds_per_step, p.steps - p.step);
  }
  return text;
}

// Rows under the line that a preview of 256 pixels takes with the usual 16-pixel cells.
constexpr int kPreviewRows = 16, kPreviewPixels = 256;
constexpr std::uint32_t kPreviewId = 71;  // kitty replaces the picture of this number

void put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string duration(double seconds) {
  const auto total = static_cast<long>(std::lround(seconds));
  if (total < 60) return fmt::format("{} s", total);
  if (total < 3600) return fmt::format("{} min {:02} s", total / 60, total % 60);
  return fmt::format("{} h {:02} min", total / 3600, total / 60 % 60);
}

std::string pace(double seconds_per_step, std::int64_t steps_left) {
  return fmt::format("{} · {} left", speed(seconds_per_step),
                     duration(seconds_per_step * static_cast<double>(steps_left)));
}

Log message_log(bool quiet, std::function<void()> before) {
  return [quiet, before = std::move(before)](LogLevel level, const std::string& text) {
    if (quiet && level == LogLevel::kInfo) return;
    before();
    fmt::print(stderr, "{}{}\n", level == LogLevel::kWarning ? "warning: " : "", text);
  };
}

media::TerminalImages parse_preview(const std::string& name) {
  using media::TerminalImages;
  if (name == "none") return TerminalImages::kNone;
  if (name == "kitty") return TerminalImages::kKitty;
  if (name == "sixel") return TerminalImages::kSixel;
  if (name == "iterm") return TerminalImages::kIterm2;
  if (name != "auto") {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("--preview knows no {}", printable(name)))
        .hint("There are auto, none, kitty, sixel and iterm");
  }
  return media::detect_terminal_images([](const char* variable) {
    const char* value = std::getenv(variable);
    return std::string(value ? value : "");
  });
}

ProgressLine::ProgressLine(bool quiet, media::TerminalImages preview)
    : quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) == 1),
      preview_(terminal_ ? preview : media::TerminalImages::kNone) {}

ProgressLine::~ProgressLine() {
  finish();
}

void ProgressLine::update(const pipeline::Progress& progress) {
  if (quiet_) return;
  if (!terminal_) {
    // In a log every stage is one line, and sampling one line at its end.
    const bool news =
        !open_ || progress.stage != stage_ || (progress.steps > 0 && progress.step == progress.steps);
    if (news) put(describe(progress) + "\n");
    open_ = true;
    stage_ = progress.stage;
    return;
  }
  put("\r\x1b[K" + describe(progress));
  open_ = true;
  stage_ = progress.stage;
  if (progress.preview.defined() && preview_ != media::TerminalImages::kNone) draw_preview(progress.preview);
}

void ProgressLine::draw_preview(const Tensor& rgb) {
  const media::Image small = media::from_tensor(rgb);
  const int scale = std::max(1, kPreviewPixels / std::max(small.width, small.height));
  const media::Image image =
      media::resize(small, small.width * scale, small.height * scale, media::ResizeFilter::kBilinear);
  if (!room_) {  // scroll once, so that saving the cursor below never meets the end of the screen
    put(std::string(kPreviewRows + 1, '\n') + fmt::format("\x1b[{}A", kPreviewRows + 1));
    room_ = true;
  }
  put("\x1b"
      "7\r\n" +
      media::terminal_picture(image, preview_, kPreviewId) +
      "\x1b"
      "8");
}

void ProgressLine::finish() {
  if (!open_) return;
  open_ = false;
  if (!terminal_ || quiet_) return;
  put("\r\x1b[K");  // what was done stands in the lines that follow
  if (room_) put("\x1b[J");
  room_ = false;
}

}  // namespace dq::app
