#pragma once
// One line on the terminal that tells how far the picture is, and under it, where the terminal can, a
// preview.
#include <string>

#include "media/terminal_image.h"
#include "pipeline/painter.h"

namespace dq::app {

// "auto" (by the environment), "none", "kitty", "sixel", "iterm"; throws kInvalidArgument.
media::TerminalImages parse_preview(const std::string& name);

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
