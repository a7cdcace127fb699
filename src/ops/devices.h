#pragma once
// The devices that exist, made by app/ and tests; they outlive every tensor on them.
#include <memory>
#include <string>

#include "tensor/device.h"

namespace dq::ops {

// The instruction sets that have kernels of their own. kAuto picks the best that this processor has. kAmx is
// AVX512-BF16 and the tile registers of AMX.
enum class Isa : std::uint8_t { kAuto, kAvx2, kAvx512, kAvx512Bf16, kAmx };

struct CpuOptions {
  int threads = 0;                        // 0: one per usable core
  Isa isa = Isa::kAuto;                   // asking for more than the processor has throws kUnsupported
  Precision precision = Precision::kF32;  // arithmetic of matrix products
};

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options = {});

// The naive truth, for tests: plain loops, sums in double.
std::unique_ptr<Device> make_ref_device();

// The best instruction set of this processor; throws kUnsupported when it lacks AVX2.
Isa best_isa();
// Whether it multiplies bf16 itself; elsewhere bf16 costs accuracy and gains nothing.
bool multiplies_bf16(Isa isa);
std::string to_string(Isa isa);

}  // namespace dq::ops
