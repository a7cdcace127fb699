// A bounded device refuses what would not fit, before the system has to.
#include <gtest/gtest.h>

#include "base/error.h"
#include "ops/devices.h"
#include "tensor/tensor.h"

namespace dq::test {
namespace {

void expect_bounded(Device& device) {
  constexpr std::int64_t kPart = 1 << 20;
  const auto part = [&] { return Tensor::zeros(device, DType::kF32, {kPart / 4}); };
  {
    const MemoryBoundScope bound(device, device.memory().now + 2 * kPart);
    Tensor first = part();
    const Tensor second = part();
    try {
      part();
      FAIL() << device.name();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
      EXPECT_NE(error.message().find("1048576 bytes"), std::string::npos) << error.message();
    }
    first = {};
    EXPECT_NO_THROW(part()) << "what was let go is there again";
  }
  EXPECT_EQ(device.memory_bound(), 0);
  EXPECT_NO_THROW((Tensor::zeros(device, DType::kF32, {3 * kPart})));
}

TEST(MemoryBound, IsKeptByEveryDevice) {
  expect_bounded(*ops::make_ref_device());
  expect_bounded(*ops::make_cpu_device());
}

}  // namespace
}  // namespace dq::test
