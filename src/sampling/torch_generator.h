#pragma once
// The random numbers of torch.Generator("cpu"): MT19937 (Matsumoto & Nishimura 1998) and torch.randn over it,
// bit for bit.
#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace dq::sampling {

class TorchCpuGenerator {
 public:
  // As Generator.manual_seed: only the low 32 bits reach the engine, so s and s + 2³² give the same numbers.
  explicit TorchCpuGenerator(std::uint64_t seed);

  std::uint32_t next();

  // torch.randn(out.size()) of this dtype. Fewer than 16 numbers come in double precision, one pair after the
  // other, and the half of a pair that is left over waits for the next such call. 16 and more are drawn in
  // blocks of 16; when the size is no multiple of 16, the last 16 are drawn again.
  void randn(std::span<float> out);
  void randn(std::span<double> out);

 private:
  static constexpr int kWords = 624;

  void refill();
  double next_double();  // [0, 1), 53 bits
  double next_normal();  // one of a pair; keeps the other

  std::array<std::uint32_t, kWords> state_;
  int used_ = kWords;
  std::optional<double> waiting_;
};

}  // namespace dq::sampling
