#pragma once
// What the tests of matrix products share: every kernel set this processor can run, in both precisions, and
// the same numbers on a device and on the reference.
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "ops/cpu/cpu_device.h"
#include "ops/cpu/instruction_set.h"
#include "ops/devices.h"
#include "support/golden.h"

namespace dq::test {

struct Variant {
  std::string name;
  ops::cpu::KernelSet set;
  Precision precision;

  std::unique_ptr<Device> device(int threads = 2) const {
    return std::make_unique<ops::cpu::CpuDevice>(set, threads, precision);
  }
};

inline std::vector<Variant> variants() {
  using ops::cpu::KernelSet;
  std::vector<Variant> out;
  const auto add = [&](const std::string& name, KernelSet set) {
    out.push_back({name + "F32", set, Precision::kF32});
    out.push_back({name + "Bf16", set, Precision::kBF16});
  };
  add("Avx2", KernelSet::kAvx2);
  add("Emulated512", KernelSet::kEmulated512);
  out.push_back({"EmulatedAmxBf16", KernelSet::kEmulatedAmx, Precision::kBF16});
  if (ops::cpu::has_isa(ops::Isa::kAvx512)) add("Avx512", KernelSet::kAvx512);
  if (ops::cpu::has_isa(ops::Isa::kAvx512Bf16)) add("Avx512Bf16", KernelSet::kAvx512Bf16);
  if (ops::cpu::has_isa(ops::Isa::kAmx)) add("Amx", KernelSet::kAmx);
  return out;
}

// Random numbers as a tensor of `dtype`. Scaled so that f8 and f16 hold them well.
inline Tensor random_weight(Device& device, DType dtype, Shape shape, std::uint64_t seed) {
  const std::vector<float> values = random_values(static_cast<std::size_t>(element_count(shape)), seed);
  Tensor out = Tensor::empty(device, dtype, std::move(shape));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::byte* to = out.raw() + i * static_cast<std::size_t>(size_of(dtype));
    const auto put = [&](auto v) { std::memcpy(to, &v, sizeof(v)); };
    switch (dtype) {
      case DType::kF64:
        put(static_cast<double>(values[i]));
        break;
      case DType::kF16:
        put(to_half(values[i]));
        break;
      case DType::kBF16:
        put(to_bfloat16(values[i]));
        break;
      // A finite pattern of any exponent but the top ones.
      case DType::kF8E4M3:
        put(static_cast<std::uint8_t>(static_cast<int>(values[i] * 63.0f) & 0xbf));
        break;
      case DType::kF8E5M2:
        put(static_cast<std::uint8_t>(static_cast<int>(values[i] * 63.0f) & 0xbf));
        break;
      default:
        put(values[i]);
    }
  }
  return out;
}

// The same bytes on another device of host memory.
inline Tensor moved(const Tensor& x, Device& device) {
  return Tensor::wrap(device, x.dtype(), x.shape(), x.strides(), nullptr, x.raw());
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())) == 0;
}

// The error of f32 sums of k products against sums in double: each of k roundings is at most half a unit in
// the last place (2^-24) of a partial sum; for random terms they add as a random walk, √(k/2)·2^-24/√3 of the
// result. Twice that, and a few roundings of the epilogue. It holds for bf16 products as well: the reference
// rounds the factors alike, and their products are exact in f32.
inline double sum_tolerance(std::int64_t k) {
  return 2 * std::sqrt(static_cast<double>(k) / 6) * 0x1p-24 + 3e-7;
}

}  // namespace dq::test
