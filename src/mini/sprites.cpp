#include "mini/sprites.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "mini/catalogue.h"
#include "mini/palette.h"

namespace dq::mini {
namespace {

constexpr std::size_t kCellBytes = static_cast<std::size_t>(kCell) * kCell * 4;
constexpr int kOpaque = 96;      // alpha from which a pixel counts as content
constexpr int kWeightBits = 14;  // of one row's weights, which add up to about 2^14
constexpr double kHardlySeen = 18;

// Source pixels and weights of one target pixel along one axis.
struct Tap {
  int first = 0;
  int count = 0;
  std::array<std::uint32_t, 24> weights{};
};

// Target pixels [from, from + taps.size()) of a cell whose left edge lies at `left` and which is `size` wide.
struct Axis {
  int from = 0;
  std::vector<Tap> taps;
};

Axis make_axis(int left, int size, int limit) {
  constexpr std::int64_t kSource = std::int64_t{kCell} * kSubpixel;
  const auto floor_div = [](int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); };
  Axis axis;
  axis.from = std::max(0, floor_div(left, kSubpixel));
  const int to = std::min(limit, floor_div(left + size + kSubpixel - 1, kSubpixel));
  for (int t = axis.from; t < to; ++t) {
    // The pixel's edges on the source, in 1/256 source pixel; the offset keeps the division positive.
    const auto source_of = [&](int edge) {
      const std::int64_t offset = std::int64_t{4} * kCell;
      return ((std::int64_t{edge} - left + offset * size) * kSource) / size - offset * kSource;
    };
    const std::int64_t a = source_of(t * kSubpixel), b = source_of((t + 1) * kSubpixel);
    Tap tap;
    tap.first = static_cast<int>(std::clamp<std::int64_t>(a, 0, kSource - 1) / kSubpixel);
    const std::int64_t last = std::clamp<std::int64_t>(b - 1, 0, kSource - 1) / kSubpixel;
    for (std::int64_t s = tap.first; s <= last && tap.count < static_cast<int>(tap.weights.size()); ++s) {
      const std::int64_t overlap = std::min(b, (s + 1) * kSubpixel) - std::max(a, s * kSubpixel);
      tap.weights[static_cast<std::size_t>(tap.count++)] =
          static_cast<std::uint32_t>((std::max<std::int64_t>(overlap, 0) << kWeightBits) / (b - a));
    }
    axis.taps.push_back(tap);
  }
  return axis;
}

}  // namespace

Sprites::Sprites(const media::Image& atlas, int count) : count_(count) {
  if (atlas.channels != 4 || atlas.width != kAtlasColumns * kCell || atlas.height % kCell != 0 ||
      count > atlas.height / kCell * kAtlasColumns) {
    throw Error(ErrorCode::kBadFile, "the atlas does not hold the cells of the catalogue")
        .hint("Make both again with mini_catalogue.");
  }
  pixels_.resize(kCellBytes * static_cast<std::size_t>(count));
  for (int id = 0; id < count; ++id) {
    Extent e{kCell, kCell, 0, 0, kCell / 2, kCell / 2};
    int sum_x = 0, sum_y = 0, n = 0;
    std::uint8_t* out = pixels_.data() + kCellBytes * static_cast<std::size_t>(id);
    for (int y = 0; y < kCell; ++y) {
      const std::uint8_t* in = atlas.row(id / kAtlasColumns * kCell + y) + 4 * kCell * (id % kAtlasColumns);
      for (int x = 0; x < kCell; ++x, in += 4, out += 4) {
        for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>((in[c] * in[3] + 127) / 255);
        out[3] = in[3];
        if (in[3] == 0) continue;
        e.x0 = std::min(e.x0, x), e.x1 = std::max(e.x1, x + 1);
        e.y0 = std::min(e.y0, y), e.y1 = std::max(e.y1, y + 1);
        if (in[3] >= kOpaque) sum_x += x, sum_y += y, ++n;
      }
    }
    if (n > 0) e.cx = sum_x / n, e.cy = sum_y / n;
    extents_.push_back(e);
  }
}

const std::uint8_t* Sprites::cell(int id) const {
  if (id < 0 || id >= count_) throw Error(ErrorCode::kInvalidArgument, "the atlas has no such picture");
  return pixels_.data() + kCellBytes * static_cast<std::size_t>(id);
}

std::array<double, kColours> Sprites::hidden_shares(int id) const {
  constexpr int kStep = 4;  // one pixel of 16 is enough to judge by
  std::array<Lab, kColours> grounds;
  for (std::size_t c = 0; c < grounds.size(); ++c) grounds[c] = to_lab(palette()[c].rgb);
  const std::uint8_t* pixels = cell(id);
  std::array<double, kColours> hidden{};
  int opaque = 0;
  for (int y = kStep / 2; y < kCell; y += kStep) {
    for (int x = kStep / 2; x < kCell; x += kStep) {
      const std::uint8_t* p = pixels + 4 * (y * kCell + x);
      if (p[3] < 250) continue;
      ++opaque;
      const Lab lab = to_lab({p[0], p[1], p[2]});
      for (std::size_t c = 0; c < grounds.size(); ++c) hidden[c] += distance(lab, grounds[c]) < kHardlySeen;
    }
  }
  for (double& share : hidden) share = opaque == 0 ? 1 : share / opaque;
  return hidden;
}

void Sprites::draw(media::Image& canvas, int id, int x, int y, int size) const {
  const std::uint8_t* source = cell(id);
  const Extent& e = extent(id);
  // The centroid is that of pixel centres: half a pixel in.
  const Axis columns = make_axis(x - (2 * e.cx + 1) * size / (2 * kCell), size, canvas.width);
  const Axis rows = make_axis(y - (2 * e.cy + 1) * size / (2 * kCell), size, canvas.height);
  const std::size_t row_values = columns.taps.size() * 4;
  if (row_values == 0 || rows.taps.empty()) return;
  // Columns first, for the source rows that are needed; 8 fractional bits are kept.
  const int first_row = rows.taps.front().first;
  const int end_row = rows.taps.back().first + rows.taps.back().count;
  std::vector<std::uint16_t> narrow(row_values * static_cast<std::size_t>(end_row - first_row));
  for (int s = first_row; s < end_row; ++s) {
    std::uint16_t* out = narrow.data() + row_values * static_cast<std::size_t>(s - first_row);
    for (const Tap& tap : columns.taps) {
      std::array<std::uint32_t, 4> sum{};
      const std::uint8_t* p = source + 4 * (s * kCell + tap.first);
      for (int k = 0; k < tap.count; ++k, p += 4) {
        for (std::size_t c = 0; c < 4; ++c) sum[c] += tap.weights[static_cast<std::size_t>(k)] * p[c];
      }
      for (std::size_t c = 0; c < 4; ++c) *out++ = static_cast<std::uint16_t>(sum[c] >> (kWeightBits - 8));
    }
  }
  std::vector<std::uint32_t> sums(row_values);
  for (std::size_t r = 0; r < rows.taps.size(); ++r) {
    const Tap& tap = rows.taps[r];
    std::fill(sums.begin(), sums.end(), 0u);
    for (int k = 0; k < tap.count; ++k) {
      const std::uint16_t* in =
          narrow.data() + row_values * static_cast<std::size_t>(tap.first + k - first_row);
      const std::uint32_t weight = tap.weights[static_cast<std::size_t>(k)];
      for (std::size_t i = 0; i < row_values; ++i) sums[i] += weight * in[i];
    }
    std::uint8_t* out = canvas.row(rows.from + static_cast<int>(r)) + 3 * columns.from;
    for (std::size_t i = 0; i < row_values; i += 4, out += 3) {
      const std::uint32_t clear = 255u * 256u - std::min(sums[i + 3] >> kWeightBits, 255u * 256u);
      for (std::size_t c = 0; c < 3; ++c) {
        const std::uint32_t v = (sums[i + c] >> kWeightBits) + out[c] * clear / 255u;
        out[c] = static_cast<std::uint8_t>(std::min((v + 128) >> 8, 255u));
      }
    }
  }
}

}  // namespace dq::mini
