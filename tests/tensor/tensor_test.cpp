#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/error.h"
#include "support/host_device.h"

namespace dq {
namespace {

// [2, 3, 4] holding 0 … 23.
Tensor counted(Device& device) {
  std::vector<float> values(24);
  std::iota(values.begin(), values.end(), 0.0f);
  return Tensor::from(device, values, {2, 3, 4});
}

float at(const Tensor& t, const Shape& index) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < index.size(); ++i) offset += index[i] * t.strides()[i];
  return t.data<float>()[offset];
}

template <class Work>
bool refused(Work work) {
  try {
    work();
  } catch (const Error&) {
    return true;
  }
  return false;
}

TEST(Tensor, MakesContiguousTensors) {
  test::HostDevice device;
  const Tensor t = counted(device);
  EXPECT_EQ(t.strides(), (Shape{12, 4, 1}));
  EXPECT_TRUE(t.is_contiguous());
  EXPECT_EQ(t.count(), 24);
  EXPECT_EQ(t.bytes(), 96);
  EXPECT_EQ(t.dim(-1), 4);
  EXPECT_EQ(at(t, {1, 2, 3}), 23.0f);
  EXPECT_EQ(to_string(t.shape()), "[2, 3, 4]");
  const Tensor zero = Tensor::zeros(device, DType::kF16, {3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(zero.data<Half>()[i].bits, 0);
  EXPECT_EQ(Tensor::empty(device, DType::kF32, {}).count(), 1);
  EXPECT_EQ(Tensor::empty(device, DType::kF32, {4, 0}).count(), 0);
  EXPECT_FALSE(Tensor().defined());
}

TEST(Tensor, ViewsShareTheNumbers) {
  test::HostDevice device;
  Tensor t = counted(device);
  const Tensor slice = t.slice(1, 1, 3);
  EXPECT_EQ(slice.shape(), (Shape{2, 2, 4}));
  EXPECT_FALSE(slice.is_contiguous());
  EXPECT_EQ(at(slice, {1, 0, 0}), 16.0f);
  const Tensor turned = t.permute({2, 0, 1});
  EXPECT_EQ(turned.shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(turned.strides(), (Shape{1, 12, 4}));
  EXPECT_EQ(at(turned, {3, 1, 2}), 23.0f);
  const Tensor flat = t.reshape({6, -1});
  EXPECT_EQ(flat.shape(), (Shape{6, 4}));
  t.data<float>()[23] = -1;
  EXPECT_EQ(at(flat, {5, 3}), -1.0f);
  EXPECT_EQ(at(turned, {3, 1, 2}), -1.0f);
  EXPECT_EQ(at(t.slice(-1, 3, 4), {1, 2, 0}), -1.0f);
}

TEST(Tensor, SizeOneMakesNoGap) {
  test::HostDevice device;
  const Tensor t = counted(device);
  EXPECT_TRUE(t.slice(0, 1, 2).is_contiguous());
  EXPECT_EQ(at(t.slice(0, 1, 2).reshape({12}), {0}), 12.0f);
  EXPECT_TRUE(Tensor::wrap(device, DType::kF32, {1, 4}, {77, 1}, nullptr, t.raw()).is_contiguous());
}

TEST(Tensor, ViewsOutliveTheirOrigin) {
  test::HostDevice device;
  Tensor view;
  {
    const Tensor t = counted(device);
    view = t.slice(0, 1, 2);
  }
  EXPECT_EQ(at(view, {0, 0, 0}), 12.0f);
}

TEST(Tensor, WrapKeepsTheOwnerAlive) {
  test::HostDevice device;
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4});
  const std::weak_ptr<std::vector<float>> watch = owner;
  Tensor t = Tensor::wrap(device, DType::kF32, {2, 2}, {1, 2}, owner, owner->data());
  owner.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(at(t, {0, 1}), 3.0f);
  EXPECT_FALSE(t.is_contiguous());
  t = Tensor();
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, RefusesMistakes) {
  test::HostDevice device;
  const Tensor t = counted(device);
  EXPECT_TRUE(refused([&] { t.slice(1, 2, 4); }));
  EXPECT_TRUE(refused([&] { t.slice(1, 2, 1); }));
  EXPECT_TRUE(refused([&] { t.slice(3, 0, 1); }));
  EXPECT_TRUE(refused([&] { t.dim(-4); }));
  EXPECT_TRUE(refused([&] { t.permute({0, 1}); }));
  EXPECT_TRUE(refused([&] { t.reshape({5, -1}); }));
  EXPECT_TRUE(refused([&] { t.reshape({-1, -1}); }));
  EXPECT_TRUE(refused([&] { t.permute({1, 0, 2}).reshape({24}); }));
  EXPECT_TRUE(refused([&] { t.data<Half>(); }));
  EXPECT_TRUE(refused([&] { Tensor::from(device, std::vector<float>(3), {2}); }));
  EXPECT_TRUE(refused([&] { Tensor::empty(device, DType::kF32, {1ll << 40, 1ll << 40}); }));
}

}  // namespace
}  // namespace dq
