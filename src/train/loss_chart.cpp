#include "train/loss_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "train/number_signs.h"

namespace dq::train {
namespace {

using media::Image;
using media::Rgb;

constexpr int kLeft = 70, kRight = 16, kTop = 16, kBottom = 36;
constexpr Rgb kAxis{90, 96, 104}, kGrid{226, 229, 233}, kPale{178, 205, 235}, kLine{24, 92, 173},
    kDot{214, 84, 22};

void put(Image& image, int x, int y, Rgb colour) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
  std::copy(colour.begin(), colour.end(), image.row(y) + 3 * x);
}

struct Point {
  double x, y;
};

// Bresenham's line, `thick` pixels high.
void draw_line(Image& image, Point from, Point to, Rgb colour, int thick) {
  const int steps = std::max(1, static_cast<int>(std::max(std::abs(to.x - from.x), std::abs(to.y - from.y))));
  for (int i = 0; i <= steps; ++i) {
    const double t = static_cast<double>(i) / steps;
    const int x = static_cast<int>(std::lround(from.x + t * (to.x - from.x)));
    const int y = static_cast<int>(std::lround(from.y + t * (to.y - from.y)));
    for (int k = 0; k < thick; ++k) put(image, x, y + k, colour);
  }
}

// 1, 2 or 5 times a power of ten, so that about `count` lines fit.
double nice_step(double range, int count) {
  const double rough = range / count, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

std::vector<ChartPoint> finite(std::span<const ChartPoint> points) {
  std::vector<ChartPoint> out;
  for (const ChartPoint& p : points) {
    if (std::isfinite(p.loss)) out.push_back(p);
  }
  return out;
}

std::vector<ChartPoint> smoothed(const std::vector<ChartPoint>& points) {
  const auto window = static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, points.size() / 20));
  std::vector<ChartPoint> out;
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(points.size()); ++i) {
    double sum = 0;
    const std::ptrdiff_t first = std::max<std::ptrdiff_t>(0, i - window + 1);
    for (std::ptrdiff_t k = first; k <= i; ++k) sum += points[static_cast<std::size_t>(k)].loss;
    out.push_back({points[static_cast<std::size_t>(i)].step, sum / static_cast<double>(i - first + 1)});
  }
  return out;
}

struct Frame {
  int width, height;
  double last_step = 1, lowest = 0, highest = 1;
  Point at(const ChartPoint& p) const {
    const double x = kLeft + (width - kLeft - kRight) * p.step / last_step;
    const double share = (p.loss - lowest) / (highest - lowest);
    return {x, height - kBottom - (height - kTop - kBottom) * std::clamp(share, 0.0, 1.0)};
  }
};

// The range of values: all smoothed and validation points, and most of the single ones.
Frame frame_for(const Chart& chart, const std::vector<ChartPoint>& training,
                const std::vector<ChartPoint>& validation) {
  Frame frame{chart.width, chart.height};
  std::vector<double> values;
  for (const ChartPoint& p : training) values.push_back(p.loss);
  std::sort(values.begin(), values.end());
  double lowest = values.empty() ? 0 : values[values.size() / 50],
         highest = values.empty() ? 1 : values[values.size() - 1 - values.size() / 50];
  for (const ChartPoint& p : validation)
    lowest = std::min(lowest, p.loss), highest = std::max(highest, p.loss);
  for (const ChartPoint& p : training) frame.last_step = std::max(frame.last_step, p.step);
  for (const ChartPoint& p : validation) frame.last_step = std::max(frame.last_step, p.step);
  const double margin = std::max(highest - lowest, 1e-6 + 1e-3 * std::abs(highest)) * 0.05;
  frame.lowest = lowest - margin;
  frame.highest = highest + margin;
  return frame;
}

void draw_axes(Image& image, const Frame& frame) {
  const double y_step = nice_step(frame.highest - frame.lowest, 6);
  for (double v = std::ceil(frame.lowest / y_step) * y_step; v <= frame.highest; v += y_step) {
    const Point p = frame.at({0, v});
    draw_line(image, p, {static_cast<double>(frame.width - kRight), p.y}, kGrid, 1);
    const std::string label = fmt::format("{:.4g}", std::abs(v) < y_step / 2 ? 0.0 : v);
    write_number(image, {kLeft - 6 - kSignWidth * static_cast<int>(label.size()), static_cast<int>(p.y) - 5},
                 label, kAxis);
  }
  const double x_step = std::max(1.0, nice_step(frame.last_step, 8));
  for (double s = 0; s <= frame.last_step; s += x_step) {
    const Point p = frame.at({s, frame.lowest});
    draw_line(image, p, {p.x, p.y + 5}, kAxis, 1);
    const std::string label = s >= 10'000 ? fmt::format("{:.4g}k", s / 1000) : fmt::format("{:.0f}", s);
    const int left = static_cast<int>(p.x) - kSignWidth * static_cast<int>(label.size()) / 2;
    write_number(image, {left, static_cast<int>(p.y) + 10}, label, kAxis);
  }
  const Point origin = frame.at({0, frame.lowest}), top = frame.at({0, frame.highest});
  draw_line(image, origin, top, kAxis, 1);
  draw_line(image, origin, {static_cast<double>(frame.width - kRight), origin.y}, kAxis, 1);
}

void draw_curve(Image& image, const Frame& frame, const std::vector<ChartPoint>& points, Rgb colour,
                int thick) {
  for (std::size_t i = 1; i < points.size(); ++i)
    draw_line(image, frame.at(points[i - 1]), frame.at(points[i]), colour, thick);
}

}  // namespace

Image draw_chart(const Chart& chart) {
  Image image = media::make_image(chart.width, chart.height, 3, 255);
  const std::vector<ChartPoint> training = finite(chart.training), validation = finite(chart.validation);
  const Frame frame = frame_for(chart, training, validation);
  draw_axes(image, frame);
  draw_curve(image, frame, training, kPale, 1);
  draw_curve(image, frame, smoothed(training), kLine, 2);
  for (const ChartPoint& p : validation) {
    const Point at = frame.at(p);
    for (int y = -3; y <= 3; ++y) draw_line(image, {at.x - 3, at.y + y}, {at.x + 3, at.y + y}, kDot, 1);
  }
  return image;
}

}  // namespace dq::train
