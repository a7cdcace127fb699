#pragma once
// The twelve colours that the built-in model knows by name.
#include <array>
#include <cstdint>
#include <string_view>

#include "media/image.h"

namespace dq::mini {

inline constexpr int kColours = 12;

struct NamedColour {
  std::string_view en, zh;  // "red", "红色"
  media::Rgb rgb;
};

const std::array<NamedColour, kColours>& palette();

// CIE L*a*b* under D65, from sRGB (IEC 61966-2-1; CIE 15). L in 0–100.
struct Lab {
  double l = 0, a = 0, b = 0;
};
Lab to_lab(const media::Rgb& srgb);
double distance(const Lab& x, const Lab& y);  // ΔE*ab, 1976

// The index of the nearest named colour.
int nearest_colour(const media::Rgb& srgb);

}  // namespace dq::mini
