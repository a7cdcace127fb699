#include "ops/embedding.h"

#include <gtest/gtest.h>

#include "all_devices.h"
#include "base/error.h"
#include "ops/elementwise.h"

namespace dq {
namespace {

TEST(Embedding, ReadsRowsOfAnyFloatingTable) {
  const auto ref = ops::make_ref_device(), device = ops::make_cpu_device({.threads = 2});
  const std::vector<std::int32_t> ids = {0, 9, 3, 3, 9, 1};
  const Tensor table = test::random_tensor(*ref, {10, 37}, 1);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    const Tensor stored = ops::convert(table, dtype), wide = ops::convert(stored, DType::kF32);
    for (Device* each : {ref.get(), device.get()}) {
      const Tensor y = ops::embedding(test::moved(stored, *each), ids);
      ASSERT_EQ(y.shape(), (Shape{6, 37}));
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const Tensor row = wide.slice(0, ids[i], ids[i] + 1);
        EXPECT_TRUE(
            test::same_bits(y.slice(0, static_cast<std::int64_t>(i), static_cast<std::int64_t>(i) + 1), row));
      }
    }
  }
}

TEST(Embedding, ChecksEveryNumber) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor table = Tensor::zeros(*device, DType::kF32, {10, 4});
  for (const std::int32_t id : {-1, 10, 1 << 30}) {
    const std::vector<std::int32_t> ids = {2, id};
    try {
      ops::embedding(table, ids);
      FAIL() << id;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(e.message().find(std::to_string(id) + " of 10"), std::string::npos) << e.message();
    }
  }
  EXPECT_EQ(ops::embedding(table, {}).shape(), (Shape{0, 4}));
}

}  // namespace
}  // namespace dq
