#include "base/checked.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace dq {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

template <class Work>
bool refused(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code() == ErrorCode::kBadFile && error.message().starts_with("the size");
  }
  return false;
}

TEST(Checked, Arithmetic) {
  EXPECT_EQ(checked_mul(1ull << 32, (1ull << 32) - 1, "the size"), kMax - (1ull << 32) + 1);
  EXPECT_TRUE(refused([] { checked_mul(1ull << 32, 1ull << 32, "the size"); }));
  EXPECT_EQ(checked_mul(kMax, 0, "the size"), 0u);
  EXPECT_EQ(checked_add(kMax, 0, "the size"), kMax);
  EXPECT_TRUE(refused([] { checked_add(kMax, 1, "the size"); }));
  EXPECT_EQ(checked_sub(5, 5, "the size"), 0u);
  EXPECT_TRUE(refused([] { checked_sub(5, 6, "the size"); }));
}

TEST(Checked, Cast) {
  EXPECT_EQ(checked_cast<std::int64_t>(std::uint64_t{1} << 62, "the size"), 1ll << 62);
  EXPECT_TRUE(refused([] { checked_cast<std::int64_t>(std::uint64_t{1} << 63, "the size"); }));
  EXPECT_TRUE(refused([] { checked_cast<std::uint64_t>(std::int64_t{-1}, "the size"); }));
  EXPECT_TRUE(refused([] { checked_cast<std::uint8_t>(256, "the size"); }));
  EXPECT_EQ(checked_cast<std::uint8_t>(255, "the size"), 255);
  EXPECT_EQ(checked_cast<std::int8_t>(-128, "the size"), -128);
}

TEST(Checked, Product) {
  EXPECT_EQ(checked_product(std::vector<std::int64_t>{}, "the size"), 1u);
  EXPECT_EQ(checked_product(std::vector<std::int64_t>{3, 0, 7}, "the size"), 0u);
  EXPECT_EQ(checked_product(std::vector<std::int64_t>{2, 3, 4}, "the size"), 24u);
  EXPECT_TRUE(refused([] { checked_product(std::vector<std::int64_t>{2, -1}, "the size"); }));
  EXPECT_TRUE(refused([] { checked_product(std::vector<std::int64_t>{1ll << 40, 1ll << 40}, "the size"); }));
}

}  // namespace
}  // namespace dq
