#pragma once
// What the kinds of adapters share: products of small matrices that gradients pass through, their tensors by
// name, and first values.
#include <map>
#include <string>

#include "base/counter_random.h"
#include "weights/adapter.h"

namespace dq::weights {

// The tensors of one module as a file holds them, f32, by their names under the module's.
using AdapterTensors = std::map<std::string, Tensor, std::less<>>;

// How large a new adapter is.
struct AdapterSize {
  int rank = 16;
  double alpha = 16;  // the adapter's share is alpha/rank
};

// [rows, everything else].
Tensor as_matrix(const Tensor& t);
// a·b: [M, K]·[K, N] → [M, N].
Tensor product(const Tensor& a, const Tensor& b);
// base + factor·(whole − base).
Tensor blended(const Tensor& base, const Tensor& whole, double factor);

// The tensor of this name. Throws kBadFile when it is missing.
const Tensor& needed(const AdapterTensors& tensors, std::string_view name);
// The one number of this name, or `otherwise` when it is missing. Throws kBadFile when it is not one number.
double number(const AdapterTensors& tensors, std::string_view name, double otherwise);
// Throws kBadFile: "the adapter's … does not fit the layer's [320, 320]".
[[noreturn]] void does_not_fit(const std::string& what, const Shape& layer);

// Leaves. Uniform numbers between −b and b with b = 1/√(numbers a row), as Kaiming's rule gives with a = √5;
// normal numbers; zeros.
Tensor uniform_leaf(Device& device, Shape shape, CounterRandom random);
Tensor normal_leaf(Device& device, Shape shape, double deviation, CounterRandom random);
Tensor zero_leaf(Device& device, Shape shape);

// A factor of `size` that is at most `most` and the one after it, as LyCORIS divides sizes: 320, 16 → 16, 20;
// the first is the smaller. `most` < 0: the two are as near to each other as they can be.
std::pair<std::int64_t, std::int64_t> factors_of(std::int64_t size, std::int64_t most);

}  // namespace dq::weights
