// Frozen weights as files store them, down to 8 bits: the input's gradient is that of the same numbers in
// f32, and the weight itself gets none.
#include <gtest/gtest.h>

#include "grad/tape.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/matrix_cases.h"
#include "tensor/gradient.h"

namespace dq::test {
namespace {

// dL/dx of L = Σ y², through a weight packed as a loader packs it for adapters.
Tensor input_gradient(Device& device, const Tensor& weight, const Shape& shape) {
  ops::PackedWeight packed = ops::pack_weight(device, weight, device.precision());
  packed.source = weight;
  packed.turned = std::make_shared<const ops::PackedWeight>(ops::pack_turned(packed));
  Tensor x = random_tensor(device, shape, 7);
  ask_gradient(x);
  const Tensor y =
      weight.rank() == 4
          ? ops::conv2d(x, packed, {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1})
          : ops::linear(x, packed);
  grad::backward(y, y.detached());
  EXPECT_EQ(weight.grad_node(), nullptr);
  return grad::gradient(x);
}

TEST(QuantisedWeights, PassTheInputsGradient) {
  const std::vector<std::pair<Shape, Shape>> cases{{{40, 24}, {5, 24}}, {{24, 16, 3, 3}, {2, 9, 7, 16}}};
  for (const Variant& variant : variants()) {
    const auto device = variant.device();
    for (const auto& [shape, input] : cases) {
      for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF8E4M3, DType::kF8E5M2}) {
        const Tensor stored = random_weight(*device, dtype, shape, 3);
        const Tensor same = ops::convert(stored, DType::kF32);
        const Tensor got = input_gradient(*device, stored, input),
                     wanted = input_gradient(*device, same, input);
        ASSERT_TRUE(got.defined()) << variant.name;
        const double tolerance = device->precision() == Precision::kBF16 ? 2e-2 : 1e-5;
        EXPECT_LE(relative_error(got, wanted), tolerance) << variant.name << " " << to_string(dtype);
      }
    }
  }
}

}  // namespace
}  // namespace dq::test
