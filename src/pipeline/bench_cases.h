#pragma once
// What `danqing bench` measures: the machine's roofs, then each part of painting as a share of them.
#include <functional>
#include <string>
#include <vector>

#include "tensor/device.h"

namespace dq::pipeline {

struct BenchOptions {
  std::string model;               // a full-size checkpoint; the cases that need one are left out when empty
  std::vector<std::string> cases;  // names to run; all when empty
  // Bytes that the denoiser's step may take, by reading weights at each step; 0: all stay in memory.
  std::int64_t memory = 0;
  int runs = 5;  // timed runs of each case, after one that does not count
};

struct BenchResult {
  std::string name;    // "denoiser step, 512×512, batch 2"
  double seconds = 0;  // median
  double flops = 0;    // of one run, as the plain algorithm counts; 0 for copies
  double bytes = 0;    // moved by one run; 0 where flops count
  // Work a second over that of the roof of its kind, measured between the runs of this very case: a shared
  // machine has another roof every second.
  double roof_share = 0;
  std::int64_t peak_bytes = 0, peak_anonymous = 0;  // resident memory of the process while it ran
};

// Runs the cases in order and reports each as it is done. The first two results are always the roofs:
// "matmul" and "copy".
std::vector<BenchResult> run_bench(Device& device, const BenchOptions& options,
                                   const std::function<void(const BenchResult&)>& report);

}  // namespace dq::pipeline
