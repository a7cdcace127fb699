#pragma once
// One line on the terminal that tells how far the picture is, and under it, where the terminal can, a
// preview.
#include <cstdint>
#include <functional>
#include <string>

#include "base/log.h"
#include "media/terminal_image.h"
#include "pipeline/painter.h"

namespace dq::app {

// "auto" (by the environment), "none", "kitty", "sixel", "iterm"; throws kInvalidArgument.
media::TerminalImages parse_preview(const std::string& name);

// "42 s", "12 min 05 s", "3 h 20 min".
std::string duration(double seconds);

// "2.50 s/step · 12 min 05 s left".
std::string pace(double seconds_per_step, std::int64_t steps_left);

// Prints messages on standard error, warnings marked as such, others only when not `quiet`; `before` is
// called first, to end a line that is being written over.
Log message_log(bool quiet, std::function<void()> before);

class ProgressLine {
 public:
  // Writes to standard error; nothing when `quiet`, one line a stage and no previews when it is no terminal.
  ProgressLine(bool quiet, media::TerminalImages preview);
  ~ProgressLine();

  void update(const pipeline::Progress& progress);
  // Ends the line, so that what is printed next begins on one of its own.
  void finish();

 private:
  void draw_preview(const Tensor& rgb);

  bool quiet_, terminal_;
  media::TerminalImages preview_;
  bool open_ = false, room_ = false;
  pipeline::Stage stage_{};
};

}  // namespace dq::app
