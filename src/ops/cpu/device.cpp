#include <fmt/format.h>

#include "base/error.h"
#include "ops/cpu/cpu_device.h"
#include "ops/cpu/gemm.h"
#include "ops/cpu/instruction_set.h"
#include "ops/cpu/winograd.h"

namespace dq::ops {
namespace cpu {
namespace {

const GemmKernels* gemm_kernels(KernelSet set) {
  switch (set) {
    case KernelSet::kAvx2:
      return &gemm_kernels_avx2();
    case KernelSet::kAvx512:
      return &gemm_kernels_avx512();
    case KernelSet::kAvx512Bf16:
      return &gemm_kernels_avx512bf16();
    case KernelSet::kAmx:
      return &gemm_kernels_amx();
    case KernelSet::kEmulated512:
      return &gemm_kernels_emulated512();
    case KernelSet::kEmulatedAmx:
      return &gemm_kernels_emulated_amx();
  }
  throw Error(ErrorCode::kInternal, "unknown kernel set");
}

const WinogradKernels* winograd_kernels_f32(KernelSet set) {
  switch (set) {
    case KernelSet::kAvx2:
      return &winograd_kernels_avx2();
    case KernelSet::kAvx512:
      return &winograd_kernels_avx512();
    case KernelSet::kAvx512Bf16:
    case KernelSet::kAmx:
      return &winograd_kernels_avx512bf16();
    case KernelSet::kEmulated512:
    case KernelSet::kEmulatedAmx:
      return &winograd_kernels_emulated512();
  }
  throw Error(ErrorCode::kInternal, "unknown kernel set");
}

const WinogradKernels* winograd_kernels_bf16(KernelSet set) {
  if (set == KernelSet::kAmx) return &winograd_kernels_amx();
  if (set == KernelSet::kEmulatedAmx) return &winograd_kernels_emulated_amx();
  return winograd_kernels_f32(set);
}

std::string_view set_name(KernelSet set) {
  switch (set) {
    case KernelSet::kAvx2:
      return "AVX2";
    case KernelSet::kAvx512:
      return "AVX-512";
    case KernelSet::kAvx512Bf16:
      return "AVX512-BF16";
    case KernelSet::kAmx:
      return "AMX-BF16";
    case KernelSet::kEmulated512:
      return "emulated AVX512-BF16";
    case KernelSet::kEmulatedAmx:
      return "emulated AMX-BF16";
  }
  return "?";
}

KernelSet set_of(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return KernelSet::kAvx512;
    case Isa::kAvx512Bf16:
      return KernelSet::kAvx512Bf16;
    case Isa::kAmx:
      return KernelSet::kAmx;
    case Isa::kAuto:
    case Isa::kAvx2:
      break;
  }
  return KernelSet::kAvx2;
}

}  // namespace

VectorSet vectors_of(KernelSet set) {
  switch (set) {
    case KernelSet::kAvx2:
      break;
    case KernelSet::kAvx512:
    case KernelSet::kAvx512Bf16:
    case KernelSet::kAmx:
      return VectorSet::kAvx512;
    case KernelSet::kEmulated512:
    case KernelSet::kEmulatedAmx:
      return VectorSet::kEmulated512;
  }
  return VectorSet::kAvx2;
}

CpuDevice::CpuDevice(KernelSet set, int threads, Precision precision)
    : Device(&cpu::backend(), precision),
      set_(set),
      gemm_(gemm_kernels(set)),
      winograd_(winograd_kernels_f32(set)),
      winograd_bf16_(winograd_kernels_bf16(set)),
      threads_(threads) {}

std::string CpuDevice::name() const {
  const int threads = threads_.size();
  return fmt::format("CPU, {} {}, {}", threads, threads == 1 ? "thread" : "threads", set_name(set_));
}

std::unique_ptr<Device> make_emulated512_device(int threads, Precision precision) {
  best_isa();  // throws without AVX2
  return std::make_unique<CpuDevice>(KernelSet::kEmulated512, threads, precision);
}

}  // namespace cpu

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
  const Isa best = best_isa();
  const Isa isa = options.isa == Isa::kAuto ? best : options.isa;
  if (!cpu::has_isa(isa)) {
    throw Error(ErrorCode::kUnsupported, fmt::format("this processor has no {}", to_string(isa)))
        .hint(fmt::format("Its best is {}; leave the choice to Danqing.", to_string(best)));
  }
  return std::make_unique<cpu::CpuDevice>(cpu::set_of(isa), options.threads, options.precision);
}

}  // namespace dq::ops
