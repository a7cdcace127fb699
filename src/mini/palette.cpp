#include "mini/palette.h"

#include <cmath>

namespace dq::mini {
namespace {

constexpr std::array<NamedColour, kColours> kPalette = {{{"red", "红色", {220, 40, 40}},
                                                         {"orange", "橙色", {246, 140, 30}},
                                                         {"yellow", "黄色", {250, 220, 60}},
                                                         {"green", "绿色", {55, 160, 70}},
                                                         {"cyan", "青色", {80, 205, 215}},
                                                         {"blue", "蓝色", {45, 95, 215}},
                                                         {"purple", "紫色", {130, 60, 180}},
                                                         {"pink", "粉色", {250, 160, 195}},
                                                         {"brown", "棕色", {122, 74, 42}},
                                                         {"black", "黑色", {22, 22, 24}},
                                                         {"gray", "灰色", {140, 140, 144}},
                                                         {"white", "白色", {248, 248, 248}}}};

// The n-th root of x ≤ 2 by Newton's iteration: pow and cbrt differ in the last bits between C libraries.
// From above it falls until rounding stops it.
double root(double x, int n) {
  if (x <= 0) return 0;
  double y = 2;
  while (true) {
    double power = 1;
    for (int k = 1; k < n; ++k) power *= y;
    const double next = y + (x / power - y) / n;
    if (!(next < y)) return y;
    y = next;
  }
}

// sRGB's transfer curve; v^2.4 = v²·(v²)^(1/5).
double linear_of(std::uint8_t level) {
  const double v = level / 255.0;
  if (v <= 0.04045) return v / 12.92;
  const double u = (v + 0.055) / 1.055;
  return u * u * root(u * u, 5);
}

std::array<double, 256> make_linear() {
  std::array<double, 256> out{};
  for (int i = 0; i < 256; ++i) out[static_cast<std::size_t>(i)] = linear_of(static_cast<std::uint8_t>(i));
  return out;
}

double lab_curve(double t) {
  constexpr double kDelta = 6.0 / 29.0;
  return t > kDelta * kDelta * kDelta ? root(t, 3) : t / (3 * kDelta * kDelta) + 4.0 / 29.0;
}

}  // namespace

const std::array<NamedColour, kColours>& palette() {
  return kPalette;
}

Lab to_lab(const media::Rgb& srgb) {
  static const std::array<double, 256> kLinear = make_linear();
  const double r = kLinear[srgb[0]], g = kLinear[srgb[1]], b = kLinear[srgb[2]];
  const double x = lab_curve((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const double y = lab_curve(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
  const double z = lab_curve((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

double distance(const Lab& x, const Lab& y) {
  const double l = x.l - y.l, a = x.a - y.a, b = x.b - y.b;
  return std::sqrt(l * l + a * a + b * b);
}

int nearest_colour(const media::Rgb& srgb) {
  static const std::array<Lab, kColours> kLabs = [] {
    std::array<Lab, kColours> out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = to_lab(kPalette[i].rgb);
    return out;
  }();
  const Lab lab = to_lab(srgb);
  std::size_t best = 0;
  for (std::size_t i = 1; i < kLabs.size(); ++i) {
    if (distance(lab, kLabs[i]) < distance(lab, kLabs[best])) best = i;
  }
  return static_cast<int>(best);
}

}  // namespace dq::mini
