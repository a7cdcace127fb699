#pragma once
// Pictures inside a terminal, as escape sequences. Pure functions: nothing is printed or asked here.
#include <functional>
#include <string>

#include "media/image.h"

namespace dq::media {

enum class TerminalImages : std::uint8_t { kNone, kKitty, kSixel, kIterm2 };

// Reads an environment variable; "" when it is not set.
using Environment = std::function<std::string(const char* name)>;

// What the terminal can show, from its environment alone; kNone unless it is well known. Inside tmux, screen
// or an SSH session that hides the terminal's name it is kNone.
TerminalImages detect_terminal_images(const Environment& environment);

// The sequence that draws the picture at the cursor, which ends below it. Alpha is composed over black.
//   kitty   APC _G, PNG in base64, 4096 bytes a chunk (kitty graphics protocol); `id` > 0 replaces the
//   picture of that id sixel   DCS q, a fixed 6×6×6 colour cube (DEC VT340) iTerm2  OSC 1337 File=, PNG in
//   base64
// Empty for kNone.
std::string terminal_picture(const Image& image, TerminalImages how, std::uint32_t id = 0);

}  // namespace dq::media
