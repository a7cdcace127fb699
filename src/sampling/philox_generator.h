#pragma once
// The random numbers of torch.Generator("cuda"): Philox4x32-10 (Salmon et al. 2011) as cuRAND lays it out
// over threads, and torch.randn over it. cuRAND's fast sine and cosine differ from ours in the last bits.
#include <array>
#include <cstdint>
#include <span>

namespace dq::sampling {

// Four words of the stream: block `offset` of thread `subsequence`.
std::array<std::uint32_t, 4> philox_4x32(std::uint64_t seed, std::uint64_t subsequence, std::uint64_t offset);

// Tensors of more numbers than the GPU has threads depend on how many that is.
struct GpuThreads {
  int processors = 128;  // streaming multiprocessors; 128·1536 = 196,608 threads: a GeForce RTX 4090
  int threads_per_processor = 1536;
};

class PhiloxGenerator {
 public:
  explicit PhiloxGenerator(std::uint64_t seed, GpuThreads gpu = {}) : seed_(seed), gpu_(gpu) {}

  // torch.randn(out.size(), device="cuda"). Successive calls continue the stream.
  void randn(std::span<float> out);

 private:
  std::uint64_t seed_;
  std::uint64_t offset_ = 0;  // in blocks of four words
  GpuThreads gpu_;
};

}  // namespace dq::sampling
