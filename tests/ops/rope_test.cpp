#include "ops/rope.h"

#include <gtest/gtest.h>

#include "all_devices.h"
#include "base/error.h"

namespace dq {
namespace {

using ops::RopeForm;
using ops::RopeTables;

TEST(Rope, AgreesOverOddShapes) {
  const auto ref = ops::make_ref_device();
  struct Case {
    std::int64_t n, t, heads, dim;
  };
  for (const auto& [n, t, heads, dim] :
       {Case{1, 1, 1, 2}, Case{2, 5, 3, 14}, Case{3, 77, 5, 64}, Case{2, 0, 1, 4}}) {
    // Slices of a wider projection: rows are strided.
    const Tensor wide = test::random_tensor(*ref, {n, t, heads * dim + 3}, 1);
    for (const bool each_batch : {false, true}) {
      const Shape shape = each_batch ? Shape{n, t, dim / 2} : Shape{t, dim / 2};
      const RopeTables tables{test::random_tensor(*ref, shape, 2), test::random_tensor(*ref, shape, 3)};
      for (const RopeForm form : {RopeForm::kPairs, RopeForm::kHalves}) {
        const auto slice = [&](const Tensor& x) { return x.slice(2, 2, 2 + heads * dim); };
        const Tensor truth = ops::rope(slice(wide), tables, static_cast<int>(heads), form);
        for (const auto& [name, device] : test::all_cpu_devices()) {
          const Tensor y = ops::rope(slice(test::moved(wide, *device)),
                                     {test::moved(tables.cos, *device), test::moved(tables.sin, *device)},
                                     static_cast<int>(heads), form);
          EXPECT_LT(test::largest_difference(y, truth), 3e-7) << name << t;
        }
      }
    }
  }
}

// A quarter turn of the first pair, none of the second.
TEST(Rope, TurnsThePairsOfItsForm) {
  const auto ref = ops::make_ref_device();
  const Tensor x = Tensor::from(*ref, std::vector<float>{1, 2, 3, 4}, {1, 1, 4});
  const RopeTables tables{Tensor::from(*ref, std::vector<float>{0, 1}, {1, 2}),
                          Tensor::from(*ref, std::vector<float>{1, 0}, {1, 2})};
  const auto turned = [&](RopeForm form) {
    const Tensor y = ops::rope(x, tables, 1, form);
    return std::vector<float>(y.data<float>(), y.data<float>() + 4);
  };
  EXPECT_EQ(turned(RopeForm::kPairs), (std::vector<float>{-2, 1, 3, 4}));
  EXPECT_EQ(turned(RopeForm::kHalves), (std::vector<float>{-3, 2, 1, 4}));
}

TEST(Rope, NamesWhatDoesNotFit) {
  const auto ref = ops::make_ref_device();
  const auto zeros = [&](Shape shape) { return Tensor::zeros(*ref, DType::kF32, std::move(shape)); };
  const Tensor x = zeros({2, 3, 12}), good = zeros({3, 3});
  EXPECT_THROW(ops::rope(x, {good, good}, 0, RopeForm::kPairs), Error);
  EXPECT_THROW(ops::rope(x, {good, good}, 4, RopeForm::kPairs), Error);
  EXPECT_THROW(ops::rope(x, {good, zeros({3, 2})}, 2, RopeForm::kPairs), Error);
  EXPECT_THROW(ops::rope(x, {good, zeros({2, 3, 3})}, 2, RopeForm::kPairs), Error);
  EXPECT_THROW(ops::rope(x, {good, {}}, 2, RopeForm::kPairs), Error);
  EXPECT_THROW(ops::rope(zeros({3, 12}), {good, good}, 2, RopeForm::kPairs), Error);
}

}  // namespace
}  // namespace dq
