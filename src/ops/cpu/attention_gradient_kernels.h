#pragma once
// The way back of attention for one head of one batch, and its kernels in tile registers. Plain data: kernel
// sources include this header.
#include <cstddef>
#include <cstdint>

namespace dq::ops::cpu {

// Rows of numbers, `stride` apart.
struct HeadRows {
  const float* data = nullptr;
  std::int64_t stride = 0;
  const float* row(std::int64_t r) const { return data + r * stride; }
};

struct HeadRowsOut {
  float* data = nullptr;
  std::int64_t stride = 0;
};

struct AttentionGradientHead {
  HeadRows q, k, v, y, dy;
  HeadRows bias;                    // a row a query; no data: none
  const float* log_sums = nullptr;  // a number a query, as Backend::attention gives them
  HeadRowsOut dq, dk, dv;
  std::int64_t queries = 0, keys = 0, head_dim = 0, value_dim = 0;
  float scale = 1;
  bool causal = false;
};

struct AttentionGradientKernels {
  // Bytes of a thread's scratch memory, a multiple of 64.
  std::int64_t (*scratch_bytes)(const AttentionGradientHead& head) = nullptr;
  void (*run)(const AttentionGradientHead& head, std::byte* scratch) = nullptr;
};

extern const AttentionGradientKernels kAttentionGradientAmx;
extern const AttentionGradientKernels kAttentionGradientEmulatedAmx;

}  // namespace dq::ops::cpu
