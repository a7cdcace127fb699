#pragma once
// Shares a matrix product among the threads of a device.
#include "ops/cpu/cpu_device.h"
#include "ops/cpu/gemm.h"
#include "ops/packed_weight.h"

namespace dq::ops::cpu {

// The panels of a weight packed on this kind of device; throws kInternal when it was packed for another.
Panels panels_of(const CpuDevice& device, const PackedWeight& weight);

// Runs the product over all of C: m rows, every panel. `beside`: a second one that is added to its sums, of
// at most kMostBeside numbers a row; null: there is none.
void run_gemm(CpuDevice& device, std::int64_t m, const GemmProduct& product, const GemmProduct* beside,
              const Epilogue& out);

// Floats of scratch (GemmTask::scratch) for a task of so many rows and panels.
std::int64_t gemm_scratch_floats(const GemmShape& shape, std::int64_t rows, std::int64_t panels);

// A split of C into tasks of mc rows and nc panels. keeps_sums: a task's sums wait in its scratch until all
// of K is added up, and should stay in the caches.
struct GemmSplit {
  std::int64_t mc = 0, nc = 0;
};
GemmSplit plan_gemm(const GemmShape& shape, std::int64_t m, std::int64_t panels, std::int64_t k, int threads,
                    bool keeps_sums);

}  // namespace dq::ops::cpu
