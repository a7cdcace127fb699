// Conversions of single values, against tables that PyTorch made.
#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "support/golden.h"
#include "support/host_device.h"

namespace dq {
namespace {

template <class T>
std::vector<T> table(const char* name) {
  const auto source = files::open_weights(test::golden_path("files/dtypes.safetensors"));
  const files::TensorEntry& entry = *source->find(name);
  std::vector<T> out(entry.bytes / sizeof(T));
  std::memcpy(out.data(), entry.file->bytes().data() + entry.offset, entry.bytes);
  return out;
}

void expect_same(float got, std::uint32_t wanted, std::size_t i) {
  const float value = std::bit_cast<float>(wanted);
  if (std::isnan(value)) {
    EXPECT_TRUE(std::isnan(got)) << i;
  } else {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(got), wanted) << i;  // bits: the sign of zero counts
  }
}

TEST(DType, EveryFloat8E4M3) {
  const auto wanted = table<std::uint32_t>("f8_e4m3");
  ASSERT_EQ(wanted.size(), 256u);
  for (std::size_t i = 0; i < 256; ++i)
    expect_same(to_float(Float8E4M3{static_cast<std::uint8_t>(i)}), wanted[i], i);
}

TEST(DType, EveryFloat8E5M2) {
  const auto wanted = table<std::uint32_t>("f8_e5m2");
  ASSERT_EQ(wanted.size(), 256u);
  for (std::size_t i = 0; i < 256; ++i)
    expect_same(to_float(Float8E5M2{static_cast<std::uint8_t>(i)}), wanted[i], i);
}

TEST(DType, EveryHalfComesBack) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const Half half{static_cast<std::uint16_t>(i)};
    const float value = to_float(half);
    if (std::isnan(value)) {
      EXPECT_GT(to_half(value).bits & 0x7fffu, 0x7c00u) << i;
      EXPECT_EQ(to_half(value).bits & 0x8000u, i & 0x8000u) << i;
    } else {
      EXPECT_EQ(to_half(value).bits, i);
    }
  }
}

// sign · mantissa · 2^exponent by the definition of IEEE 754 binary16, in double arithmetic.
TEST(DType, EveryHalfByItsDefinition) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const int exponent = (i >> 10) & 31, mantissa = i & 1023;
    double wanted = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    if (exponent == 31)
      wanted = mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
    if (i & 0x8000) wanted = -wanted;
    expect_same(to_float(Half{static_cast<std::uint16_t>(i)}),
                std::bit_cast<std::uint32_t>(static_cast<float>(wanted)), i);
  }
}

TEST(DType, EveryBFloat16ComesBack) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const float value = to_float(BFloat16{static_cast<std::uint16_t>(i)});
    if (std::isnan(value)) {
      EXPECT_GT(to_bfloat16(value).bits & 0x7fffu, 0x7f80u) << i;
    } else {
      EXPECT_EQ(to_bfloat16(value).bits, i);
    }
  }
}

TEST(DType, RoundsAsTorch) {
  const auto values = table<std::uint32_t>("values");
  const auto half = table<std::uint16_t>("half");
  const auto bfloat16 = table<std::uint16_t>("bfloat16");
  ASSERT_GT(values.size(), 20'000u);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = std::bit_cast<float>(values[i]);
    EXPECT_EQ(to_half(value).bits, half[i]) << value;
    EXPECT_EQ(to_bfloat16(value).bits, bfloat16[i]) << value;
  }
}

TEST(DType, NamesAndSizes) {
  EXPECT_EQ(to_string(DType::kBF16), "BF16");
  EXPECT_EQ(to_string(DType::kF8E4M3), "F8_E4M3");
  EXPECT_EQ(size_of(DType::kF8E5M2), 1);
  EXPECT_EQ(size_of(DTypeOf<Half>::value), 2);
  EXPECT_TRUE(is_floating(DType::kF8E4M3));
  EXPECT_FALSE(is_floating(DType::kBool));
}

}  // namespace
}  // namespace dq
