#pragma once
// What the optimisers' files share: loops over the numbers of a leaf, and how state is written and read.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace dq::grad {

constexpr std::int64_t kPiece = 1 << 14;  // numbers that one thread takes at once

// Calls task(from, count) for pieces of [0, n), on the device's threads.
template <class Task>
void in_pieces(Device& device, std::int64_t n, const Task& task) {
  device.threads().parallel_for((n + kPiece - 1) / kPiece, [&](std::int64_t piece, int) {
    const std::int64_t at = piece * kPiece;
    task(at, std::min(kPiece, n - at));
  });
}

// The sum of what task(from, count) gives for the pieces, added in their order.
template <class Task>
double sum_of_pieces(Device& device, std::int64_t n, const Task& task) {
  std::vector<double> parts(static_cast<std::size_t>((n + kPiece - 1) / kPiece));
  in_pieces(device, n, [&](std::int64_t at, std::int64_t count) {
    parts[static_cast<std::size_t>(at / kPiece)] = task(at, count);
  });
  double sum = 0;
  for (const double part : parts) sum += part;
  return sum;
}

// Σ x² of an f32 tensor.
double sum_of_squares(const Tensor& x);

using State = std::map<std::string, Tensor>;

// state[name], checked; throws kBadFile when it is missing or other than `like` in shape or dtype.
const Tensor& find_state(const State& state, const std::string& name, const Tensor& like);
// Writes state[name] into `into`, which has the shape and dtype that it must have.
void take_state(const State& state, const std::string& name, Tensor into);

// A count as f32 [2], high and low 16 bits, so that counts beyond 2²⁴ are exact.
Tensor count_tensor(Device& device, std::int64_t count);
std::int64_t take_count(const State& state, const std::string& name, Device& device);

}  // namespace dq::grad
