#pragma once
// The matrix product behind linear layers and convolutions: C[m, n] = Σ_k A[m, k]·W[n, k], then an epilogue.
//
// Blocking after Goto & van de Geijn (2008) and BLIS (Van Zee & van de Geijn 2015), with the roles set by
// what is constant here: W is packed once, at load time, into panels of `nr` columns that keep their 16-bit
// form. A task owns a block of C. For each K block it copies the rows of A it needs into a block that stays
// in L2 (this is where a convolution gathers its pixels and where bf16 rounding happens), then for each panel
// widens kc×nr weights into L1 and runs the micro-kernel down the rows.
//
//   panel p:  k = 0   w[p·nr, 0] w[p·nr+1, 0] … w[p·nr+nr−1, 0]     kF32, kF16, kBF16
//             k = 1   w[p·nr, 1] …                                   (columns past N are 0)
//   kBF16Pairs: the same with k and k+1 side by side: w[n, 0] w[n, 1] w[n+1, 0] w[n+1, 1] …; K is filled up
//   with zeros to a multiple of GemmShape::k_step.
//
// The K blocks depend on K alone (and on the room that a second product needs) and every element of C is one
// chain of sums over them, so results do not depend on how M and N are shared among threads.
//
// Everything here is plain data: kernel sources include this header.
#include <cstdint>

#include "ops/activation.h"

namespace dq::ops::cpu {

enum class PanelFormat : std::uint8_t { kF32, kF16, kBF16, kBF16Pairs };

struct Panels {
  const void* data = nullptr;
  PanelFormat format = PanelFormat::kF32;
  bool round_a = false;  // bf16 arithmetic on a kernel without bf16 products: A is rounded, sums are the same
  std::int64_t k = 0, n = 0;
};

// Gives kc numbers of row m of A, starting at k: either where they lie, or written to `scratch` (kc floats).
struct RowSource {
  const float* (*row)(const void* self, std::int64_t m, std::int64_t k, std::int64_t kc,
                      float* scratch) = nullptr;
  const void* self = nullptr;
};

// A·Wᵀ.
struct GemmProduct {
  RowSource a;
  Panels w;
};

// y[m, n] = act(C + bias[n]) + per_image[m / rows_per_image, n] + residual[m, n]; all dense, N columns.
struct Epilogue {
  float* y = nullptr;
  std::int64_t n = 0;
  const float* bias = nullptr;
  Activation act = Activation::kNone;
  const float* per_image = nullptr;
  std::int64_t rows_per_image = 1;
  const float* residual = nullptr;
  // GEGLU: n is half of the panels' columns, y = (C[:, n] + bias[n])·gelu(C[:, N + n] + bias[N + n]).
  bool geglu = false;
};

// Rows [m0, m1) and columns of panels [p0, p1) of C; with GEGLU, of y.
struct GemmTask {
  RowSource a;
  Panels w;
  Epilogue out;
  // A second, narrow product that is added to the sums, when w.k > 0: its rows lie in the same A block,
  // behind those of the last K block.
  GemmProduct beside;
  std::int64_t m0 = 0, m1 = 0, p0 = 0, p1 = 0;
  float* scratch = nullptr;  // GemmShape::scratch_floats, 64-byte aligned, this thread's own
};

// How one kernel set cuts the product; what a plan needs to know.
struct GemmShape {
  int mr = 0, nr = 0;  // the micro-kernel's tile
  int kc = 0;          // the longest K block; rows of the A block lie this far apart
  int mc = 0;          // the most rows of a task
  int flops_per_cycle = 0;
  int k_step = 1;  // numbers of K that the micro-kernel takes at once
};

struct GemmKernels {
  GemmShape f32, bf16;
  // The panels that bf16 arithmetic wants: kBF16Pairs where the kernel has bf16 products.
  PanelFormat bf16_format = PanelFormat::kBF16;
  void (*run)(const GemmTask&) = nullptr;
};

const GemmKernels& gemm_kernels_avx2();
const GemmKernels& gemm_kernels_avx512();
const GemmKernels& gemm_kernels_avx512bf16();
const GemmKernels& gemm_kernels_amx();
const GemmKernels& gemm_kernels_emulated512();
const GemmKernels& gemm_kernels_emulated_amx();

}  // namespace dq::ops::cpu
