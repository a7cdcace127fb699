#pragma once
// The course of a run as a picture: every step's loss in pale, a running mean over it, steps and values at
// the axes.
#include <span>

#include "media/image.h"

namespace dq::train {

struct ChartPoint {
  double step = 0, loss = 0;
};

struct Chart {
  std::span<const ChartPoint> training;
  std::span<const ChartPoint> validation;  // drawn as dots; may be empty
  int width = 960, height = 480;
};

// Points that are not finite are left out. A chart without points is empty axes.
media::Image draw_chart(const Chart& chart);

}  // namespace dq::train
