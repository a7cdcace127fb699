#include "app/progress_line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "media/terminal_image.h"

namespace dq::app {
namespace {

std::string duration(double seconds) {
  const auto total = static_cast<long>(std::lround(seconds));
  if (total < 60) return fmt::format("{} s", total);
  if (total < 3600) return fmt::format("{} min {:02} s", total / 60, total % 60);
  return fmt::format("{} h {:02} min", total / 3600, total / 60 % 60);
}

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
    text += fmt::format(" · {} · {} left", speed(p.seconds_per_step),
                        duration(p.seconds_per_step * (p.steps - p.step)));
  }
  return text;
}

media::TerminalGraphics graphics_of(PreviewKind kind) {
  switch (kind) {
    case PreviewKind::kKitty:
      return media::TerminalGraphics::kKitty;
    case PreviewKind::kSixel:
      return media::TerminalGraphics::kSixel;
    case PreviewKind::kIterm:
      return media::TerminalGraphics::kIterm;
    case PreviewKind::kNone:
      break;
  }
  return media::TerminalGraphics::kNone;
}

}  // namespace
}  // namespace dq::app
