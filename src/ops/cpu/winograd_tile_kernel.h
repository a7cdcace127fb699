#pragma once
// F(2×2, 3×3) of winograd.h with products of bf16 in tile registers. Included by kernel sources only (see
// simd.h).
//
//   V: [K block][16][tile / 16][kc / 32][tile % 16][32]   operands A as tile_product.h has them
//   U: [panel][16][kc / 2][32][2]                         operands B, of the task's panels and one K block
//   M: [16][panel][tile][32]                              sums in f32
#include "ops/cpu/tile_product.h"
#include "ops/cpu/winograd_forms.h"

namespace dq::ops::cpu {
namespace {

template <class Isa, class Tiles, class Session>
class TileWinograd {
  using Form = NarrowForm;
  using Vec = typename Isa::Vec;
  using Number = std::uint16_t;
  static constexpr int kPatch = Form::kPatch, kProducts = kPatch * kPatch;
  static constexpr std::int64_t kNr = 32, kPanels = 2;
  // The widths of the networks served are mostly multiples of 320. U then is 640 KB and M at most 512 KB of a
  // 2 MB L2, through which V streams.
  static constexpr std::int64_t kKc = 320, kMostTiles = 128;
  // One or two lines more than full, as in winograd_kernel.h.
  static constexpr std::int64_t kUStride = kKc * kNr + 64;
  static constexpr std::int64_t kUPanel = kProducts * kUStride;

  static std::int64_t m_panel(std::int64_t tiles) {
    return (tiles + kTileRows - 1) / kTileRows * kTileRows * kNr;
  }
  static std::int64_t m_stride(std::int64_t tiles) { return kPanels * m_panel(tiles) + 16; }

  static std::int64_t scratch_floats(std::int64_t tiles) {
    return kPanels * kUPanel / 2 + kProducts * m_stride(tiles);
  }

  // Where a tile's channels from c on lie in V's first matrix.
  static std::int64_t place_in_v(const WinogradGroup& g, std::int64_t tile, std::int64_t c) {
    return c / kKc * kProducts * g.v_stride + tile / kTileRows * kTileRows * kKc +
           c % kKc / kTileDepth * kTileRows * kTileDepth + tile % kTileRows * kTileDepth;
  }

  static void input(const WinogradGroup& g, std::int64_t t0, std::int64_t t1) {
    const std::int64_t channels = g.images.channels;
    PatchPixels<Form> at;
    for (std::int64_t t = t0; t < t1; ++t) {
      find_pixels<Form>(g.images, g.first + t, at);
      for (std::int64_t c = 0; c < channels; c += kTileDepth) {
        Number* to = static_cast<Number*>(g.v) + place_in_v(g, t, c);
        const std::int64_t left = channels - c;
        const int first = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, left));
        const int second = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, left - first));
        Vec low[kPatch][kPatch], high[kPatch][kPatch];
        input_patch<Isa, Form>(at, c, first, low);
        // Without channels of its own, a vector of zeros from any place that can be read.
        input_patch<Isa, Form>(at, second > 0 ? c + Isa::kWidth : c, second, high);
        for (int i = 0; i < kProducts; ++i)
          Isa::store_bf16_two(to + i * g.v_stride, low[i / kPatch][i % kPatch], high[i / kPatch][i % kPatch]);
      }
    }
  }

  // U of channels [c0, c0 + kc), zeros up to a whole tile.
  static void weights(const Panels& w, std::int64_t panel, std::int64_t c0, std::int64_t kc, Number* u) {
    const std::int64_t channels = w.k / 9, lines = (w.k + kTileDepth - 1) / kTileDepth * (kTileDepth / 2);
    const auto* pairs = static_cast<const Number*>(w.data) + panel * lines * kNr * 2;
    for (std::int64_t c = 0; c < kc; c += 2) {
      for (std::int64_t column = 0; column < kNr; column += Isa::kWidth) {
        Vec even[3][3], odd[3][3], even_out[kPatch][kPatch], odd_out[kPatch][kPatch];
        for (int tap = 0; tap < 9; ++tap) {
          const auto two = Isa::load_pairs(pairs + ((tap * channels + c0 + c) / 2 * kNr + column) * 2);
          even[tap / 3][tap % 3] = Isa::even(two);
          odd[tap / 3][tap % 3] = Isa::odd(two);
        }
        weight_patch<Isa, Form>(even, even_out);
        weight_patch<Isa, Form>(odd, odd_out);
        for (int i = 0; i < kProducts; ++i) {
          Isa::store_bf16_zipped(u + i * kUStride + (c / 2 * kNr + column) * 2,
                                 even_out[i / kPatch][i % kPatch], odd_out[i / kPatch][i % kPatch]);
        }
      }
    }
    const std::int64_t whole = (kc + kTileDepth - 1) / kTileDepth * kTileDepth;
    for (int i = 0; kc < whole && i < kProducts; ++i)
      std::memset(u + i * kUStride + kc * kNr, 0,
                  static_cast<std::size_t>((whole - kc) * kNr) * sizeof(Number));
  }

  static void output(const WinogradGroup& g, const Panels& w, const Epilogue& e, std::int64_t panel,
                     std::int64_t t0, std::int64_t t1, float* scratch) {
    [[maybe_unused]] const Session session;
    const std::int64_t tiles = t1 - t0, channels = g.images.channels, stride = m_stride(tiles);
    const std::int64_t n0 = panel * kNr, columns = smaller<std::int64_t>(kPanels * kNr, e.n - n0);
    const std::int64_t panels = (columns + kNr - 1) / kNr;
    auto* u = reinterpret_cast<Number*>(scratch);
    float* m = scratch + kPanels * kUPanel / 2;
    for (std::int64_t c = 0; c < channels; c += kKc) {
      const std::int64_t kc = smaller<std::int64_t>(kKc, channels - c);
      for (std::int64_t p = 0; p < panels; ++p) weights(w, panel + p, c, kc, u + p * kUPanel);
      TileProduct product;
      product.steps = (kc + kTileDepth - 1) / kTileDepth;
      product.a_stride = kTileRows * kKc;
      product.add = c > 0;
      for (int i = 0; i < kProducts; ++i) {
        const Number* v = static_cast<const Number*>(g.v) + i * g.v_stride;
        for (std::int64_t r = 0; r < tiles; r += 2 * kTileRows) {
          product.a = v + place_in_v(g, t0 + r, c);
          product.two_rows = tiles - r > kTileRows;
          for (std::int64_t p = 0; p < panels; ++p) {
            product.b = u + p * kUPanel + i * kUStride;
            product.c = m + i * stride + p * m_panel(tiles) + r * kNr;
            product.two_columns = columns - p * kNr > Isa::kWidth;
            Tiles::multiply(product);
          }
        }
      }
    }
    for (std::int64_t t = 0; t < tiles; ++t) {
      const TilePlace<Form> place(g.images, g.first + t0 + t);
      for (std::int64_t i = 0; i < columns; i += Isa::kWidth) {
        const int count = static_cast<int>(smaller<std::int64_t>(Isa::kWidth, columns - i));
        output_tile<Isa, Form>(g.images, e, place, m + i / kNr * m_panel(tiles) + t * kNr + i % kNr, stride,
                               n0 + i, count);
      }
    }
  }

 public:
  static constexpr WinogradKernels kernels() {
    WinogradKernels k;
    k.tile = Form::kTile;
    k.products = kProducts;
    k.nr = kNr;
    k.panels = kPanels;
    k.kc = kKc;
    k.tile_step = 2 * kTileRows;
    k.least_in = k.least_out = 96;  // with 64 it is not faster than plain products, which round less
    k.most_tiles = kMostTiles;
    k.number_bytes = sizeof(Number);
    k.scratch_floats = scratch_floats;
    k.input = input;
    k.output = output;
    return k;
  }
};

}  // namespace
}  // namespace dq::ops::cpu
