#pragma once
// One line on the terminal that tells how far the picture is, and under it, where the terminal can, a
// preview.
#include <cstdint>
#include <string>

#include "pipeline/painter.h"

namespace dq::app {

enum class PreviewKind : std::uint8_t { kNone, kKitty, kSixel, kIterm };

// "auto", "none", "kitty", "sixel", "iterm"; throws kInvalidArgument. "auto" looks at the environment.
PreviewKind parse_preview(const std::string& name);

class ProgressLine {
 public:
  // Writes to standard error; nothing when `quiet`, plain lines without previews when it is no terminal.
  ProgressLine(bool quiet, PreviewKind preview);
  ~ProgressLine();

  void update(const pipeline::Progress& progress);
  // Ends the line, so that what is printed next begins on one of its own.
  void finish();

 private:
  void draw_preview(const Tensor& rgb);

  bool quiet_, terminal_;
  PreviewKind preview_;
  bool open_ = false;
  int reserved_rows_ = 0;
  std::string last_stage_;
};

}  // namespace dq::app
