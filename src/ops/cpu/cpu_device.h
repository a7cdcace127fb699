#pragma once
// The CPU as a device: threads, memory that is used again, and the kernels of one instruction set.
#include "ops/cpu/block_cache.h"
#include "ops/devices.h"
#include "tensor/tensor.h"

namespace dq::ops::cpu {

struct GemmKernels;
struct WinogradKernels;

// Which instantiation of the kernel templates runs. kEmulated512 is the AVX512-BF16 code in terms of AVX2,
// kEmulatedAmx that and the tile code.
enum class KernelSet : std::uint8_t { kAvx2, kAvx512, kAvx512Bf16, kAmx, kEmulated512, kEmulatedAmx };

// The f32 vectors of a kernel set: all that ops without bf16 products need to know.
enum class VectorSet : std::uint8_t { kAvx2, kAvx512, kEmulated512 };
VectorSet vectors_of(KernelSet set);

class CpuDevice final : public Device {
 public:
  CpuDevice(KernelSet set, int threads, Precision precision);

  DeviceKind kind() const override { return DeviceKind::kCpu; }
  std::string name() const override;
  ThreadPool& threads() override { return threads_; }
  MemoryUse memory() const override { return memory_.use(); }
  void trim() override { memory_.release(); }

  KernelSet kernel_set() const { return set_; }
  const GemmKernels& gemm() const { return *gemm_; }
  // With products in f32; for weights of bf16, in bf16 where tile registers multiply it.
  const WinogradKernels& winograd() const { return *winograd_; }
  const WinogradKernels& winograd_bf16() const { return *winograd_bf16_; }

 private:
  std::shared_ptr<std::byte> allocate_block(std::uint64_t bytes) override { return memory_.allocate(bytes); }

  KernelSet set_;
  const GemmKernels* gemm_;
  const WinogradKernels *winograd_, *winograd_bf16_;
  BlockCache memory_;
  ThreadPool threads_;
};

// The device of a tensor that is known to be on a CPU device (the table of ops/cpu was reached through it).
inline CpuDevice& cpu_device(const Tensor& x) {
  return static_cast<CpuDevice&>(x.device());
}

// For tests: the wide kernels on any processor with AVX2.
std::unique_ptr<Device> make_emulated512_device(int threads, Precision precision);

// The entries of the table (ops/cpu/backend.cpp).
const Backend& backend();

}  // namespace dq::ops::cpu
