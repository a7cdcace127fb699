#pragma once
// The inner work of attention on one block of queries of one head, compiled once per instruction set.
#include <cstddef>
#include <cstdint>

#include "ops/attention.h"

namespace dq::ops::cpu {

// One block of queries; pointers are to its first row and its head's first number.
struct AttentionBlock {
  const float* q;
  std::int64_t q_stride;
  int rows;                        // ≤ AttentionKernels::query_block
  std::int64_t first_query;        // its place among all queries, for the causal mask
  const std::byte *keys, *values;  // packed
  std::int64_t key_count;
  std::int64_t head_dim, value_dim;
  float scale;
  bool causal;
  const float* bias;  // null: none
  std::int64_t bias_stride;
  float* log_sums;  // null: not wanted
  float* y;
  std::int64_t y_stride;
};

struct AttentionKernels {
  int query_block = 0;  // queries that `attend` takes at most
  // Bytes of a head's packed keys and values, and of one thread's scratch memory; multiples of 64.
  std::int64_t (*keys_bytes)(std::int64_t key_count, std::int64_t head_dim) = nullptr;
  std::int64_t (*values_bytes)(std::int64_t key_count, std::int64_t value_dim) = nullptr;
  std::int64_t (*scratch_bytes)(std::int64_t head_dim, std::int64_t value_dim) = nullptr;
  void (*pack_keys)(const float* k, std::int64_t stride, std::int64_t key_count, std::int64_t head_dim,
                    std::byte* out);
  void (*pack_values)(const float* v, std::int64_t stride, std::int64_t key_count, std::int64_t value_dim,
                      std::byte* out);
  void (*attend)(const AttentionBlock& block, std::byte* scratch);
};

extern const AttentionKernels kAttentionAvx2;
extern const AttentionKernels kAttentionAvx512;
// Products of bf16, sums and softmax in f32.
extern const AttentionKernels kAttentionAvx512Bf16;
extern const AttentionKernels kAttentionAmx;
// The 512-bit kernels on AVX2, for tests.
extern const AttentionKernels kAttentionEmulated512;
extern const AttentionKernels kAttentionEmulated512Bf16;
extern const AttentionKernels kAttentionEmulatedAmx;

}  // namespace dq::ops::cpu
