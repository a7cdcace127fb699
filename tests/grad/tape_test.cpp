// The tape itself: what is collected, when, and what is refused.
#include "grad/tape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "grad/checkpoint.h"
#include "grad/op_cases.h"
#include "ops/all_devices.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/rope.h"

namespace dq::test {
namespace {

class Tape : public testing::Test {
 protected:
  Tensor asking(Shape shape, std::uint64_t seed) {
    Tensor x = random_as(*ref_, DType::kF64, std::move(shape), seed);
    ask_gradient(x);
    return x;
  }
  Tensor ones(const Shape& shape) {
    const std::vector<double> values(static_cast<std::size_t>(element_count(shape)), 1.0);
    return Tensor::from(*ref_, values, shape);
  }
  static double first(const Tensor& x) { return x.data<double>()[0]; }

  std::unique_ptr<Device> ref_ = ops::make_ref_device();
};

ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST_F(Tape, AddsUpOverResultsUntilCleared) {
  const Tensor x = asking({1}, 1);
  EXPECT_FALSE(grad::gradient(x).defined());
  grad::backward(ops::combine({{2.0, &x}}), ones({1}));
  EXPECT_EQ(first(grad::gradient(x)), 2);
  grad::backward(ops::combine({{5.0, &x}}), ones({1}));
  EXPECT_EQ(first(grad::gradient(x)), 7);
  grad::clear_gradient(x);
  EXPECT_FALSE(grad::gradient(x).defined());
  grad::set_gradient(x, ones({1}));
  grad::backward(ops::combine({{3.0, &x}}), ones({1}));
  EXPECT_EQ(first(grad::gradient(x)), 4);
}

// A share that several inputs got, and the dy that the caller gave, belong to them all: adding to one must
// not change the others.
TEST_F(Tape, SharedGradientsAreNotWrittenTo) {
  const Tensor a = asking({3}, 1), b = asking({3}, 2), dy = ones({3});
  const Tensor sum = ops::add(a, b);
  grad::backward(ops::add(sum, a), dy);
  EXPECT_EQ(first(grad::gradient(a)), 2);
  EXPECT_EQ(first(grad::gradient(b)), 1);
  EXPECT_EQ(first(dy), 1);
  const Tensor c = asking({3}, 3), d = asking({3}, 4);
  grad::backward(d, dy);
  grad::backward(d.slice(0, 0, 2), ones({2}));
  EXPECT_EQ(first(grad::gradient(d)), 2);
  EXPECT_EQ(first(dy), 1);
  grad::backward(c, dy);
  grad::backward(c, dy);
  grad::backward(c.slice(0, 0, 2), ones({2}));
  EXPECT_EQ(first(grad::gradient(c)), 3);
  EXPECT_EQ(first(dy), 1);
}

TEST_F(Tape, KeepsASlicesGradientInItsPlace) {
  const Tensor x = asking({4}, 1);
  grad::backward(ops::combine({{3.0, &x}}), ones({4}));
  const Tensor part = ops::contiguous(x.slice(0, 1, 2));
  grad::backward(ops::combine({{10.0, &part}}), ones({1}));
  const double* g = grad::gradient(x).data<double>();
  EXPECT_EQ(std::vector<double>(g, g + 4), (std::vector<double>{3, 13, 3, 3}));
}

TEST_F(Tape, RunsOnceForAResult) {
  const Tensor x = asking({3}, 1), y = ops::multiply(x, x);
  grad::backward(y, ones({3}));
  EXPECT_EQ(code_of([&] { grad::backward(y, ones({3})); }), ErrorCode::kInternal);
}

TEST_F(Tape, RefusesWhatDoesNotFit) {
  const Tensor x = asking({3}, 1);
  EXPECT_EQ(code_of([&] { grad::backward(ops::add(x, x), ones({2})); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { grad::gradient(ops::add(x, x)); }), ErrorCode::kInternal);
  EXPECT_EQ(code_of([&] { grad::gradient(ones({1})); }), ErrorCode::kInternal);
  Tensor whole = Tensor::zeros(*ref_, DType::kI32, {2});
  EXPECT_EQ(code_of([&] { ask_gradient(whole); }), ErrorCode::kInvalidArgument);
  grad::backward(ones({2}), ones({2}));  // nobody asks: nothing to do
}

TEST_F(Tape, OpsWithoutAWayBackSaySo) {
  const Tensor x = asking({1, 1, 2, 2}, 1), plain = ones({1, 1, 2, 2});
  EXPECT_EQ(code_of([&] { ops::blend(x, plain, plain); }), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of([&] { ops::sum_rows(x.reshape({2, 2})); }), ErrorCode::kUnsupported);
  const Tensor table = asking({2, 1}, 2), tokens = ones({1, 2, 2});
  EXPECT_EQ(code_of([&] {
              ops::rope(tokens, {table, ones({2, 1})}, 1, ops::RopeForm::kPairs);
            }),
            ErrorCode::kUnsupported);
}

TEST_F(Tape, RecordsNothingWhileOff) {
  const Tensor x = asking({3}, 1);
  {
    const ops::RecordingScope off(*ref_, false);
    EXPECT_EQ(ops::add(x, x).grad_node(), nullptr);
    EXPECT_EQ(x.slice(0, 0, 1).grad_node(), nullptr);
    EXPECT_EQ(x.reshape({3, 1}).grad_node(), nullptr);
  }
  EXPECT_NE(ops::add(x, x).grad_node(), nullptr);
  EXPECT_EQ(ops::add(x.detached(), x.detached()).grad_node(), nullptr);
}

// When the last result is gone, so is everything that was kept for it.
TEST_F(Tape, FreesWhatItKept) {
  const Tensor x = asking({1000}, 1);
  const std::int64_t before = ref_->memory().now;
  {
    const Tensor y = ops::activate(ops::multiply(x, x), ops::Activation::kSilu);
    EXPECT_GT(ref_->memory().now, before);
  }
  EXPECT_EQ(ref_->memory().now, before);
  const Tensor y = ops::activate(ops::multiply(x, x), ops::Activation::kSilu);
  grad::backward(y, ones({1000}));
  EXPECT_EQ(ref_->memory().now, before + y.bytes() + grad::gradient(x).bytes());
}

TEST_F(Tape, CheckpointsGiveTheSameGradients) {
  const auto run = [&](bool checkpointed) {
    const Tensor x = asking({2, 5}, 1), scale = asking({5}, 2), w = asking({5, 5}, 3);
    const grad::Block block = [&](const std::vector<Tensor>& in) {
      const auto weight = ops::pack_linear(*ref_, w, Precision::kF32);
      return ops::layer_norm(ops::add(ops::linear(in[0], weight), in[0]), {scale, {}}, 1e-5F);
    };
    Tensor h = ops::multiply(x, x);
    for (int i = 0; i < 3; ++i) h = checkpointed ? grad::checkpoint(*ref_, block, {h}) : block({h});
    grad::backward(h, random_as(*ref_, DType::kF64, h.shape(), 4));
    return Inputs{h, grad::gradient(x), grad::gradient(scale), grad::gradient(w)};
  };
  const Inputs plain = run(false), checkpointed = run(true);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_TRUE(same_bits(plain[i], checkpointed[i])) << i;
  }
}

// Where a block's input goes elsewhere too, the order of the sum shows: blocks that run once and blocks that
// run again have the same one.
TEST_F(Tape, BoundedBlocksAddAsCheckpointsDo) {
  const auto device = ops::make_cpu_device();
  using Runner = Tensor (*)(Device&, const grad::Block&, std::vector<Tensor>);
  const auto run = [&](Runner around) {
    Tensor x = random_as(*device, DType::kF32, {7, 33}, 1, -2, 2),
           w = random_as(*device, DType::kF32, {33, 33}, 2, -2, 2);
    ask_gradient(x);
    ask_gradient(w);
    const grad::Block block = [&](const std::vector<Tensor>& in) {
      const auto weight = ops::pack_linear(*device, w, Precision::kF32);
      return ops::add(ops::multiply(ops::linear(in[0], weight), in[0]), in[0]);
    };
    const Tensor first = around(*device, block, {x}), second = around(*device, block, {first}),
                 y = ops::add(ops::add(second, first), x);
    grad::backward(y, random_as(*device, DType::kF32, y.shape(), 3, -2, 2));
    return Inputs{y, grad::gradient(x), grad::gradient(w)};
  };
  const Inputs again = run(grad::checkpoint), once = run(grad::bounded);
  for (std::size_t i = 0; i < again.size(); ++i) EXPECT_EQ(relative_error(again[i], once[i]), 0) << i;
}

// Blocks inside of blocks, and a block none of whose inputs asks: its parameters do.
TEST_F(Tape, CheckpointsNestAndReachParameters) {
  const Tensor x = ones({1}), w = asking({1}, 1);
  const grad::Block inner = [&](const std::vector<Tensor>& in) { return ops::multiply(in[0], w); };
  const grad::Block outer = [&](const std::vector<Tensor>& in) {
    return grad::checkpoint(*ref_, inner, {ops::multiply(in[0], w)});
  };
  grad::backward(grad::checkpoint(*ref_, outer, {x}), ones({1}));
  EXPECT_DOUBLE_EQ(first(grad::gradient(w)), 2 * first(w));
}

TEST_F(Tape, NanStaysNan) {
  for (const OpCase& c : op_cases()) {
    for (const auto& [name, device] : all_cpu_devices()) {
      Inputs inputs = random_inputs(*device, DType::kF32, c.small, 1);
      for (Tensor& x : inputs) ask_gradient(x);
      const Tensor y = c.op(inputs);
      std::vector<float> dy(static_cast<std::size_t>(y.count()), 1.0F);
      dy.at(0) = std::numeric_limits<float>::quiet_NaN();
      grad::backward(y, Tensor::from(*device, dy, y.shape()));
      const Tensor g = grad::gradient(inputs[0]);
      EXPECT_TRUE(
          std::any_of(g.data<float>(), g.data<float>() + g.count(), [](float v) { return std::isnan(v); }))
          << c.name << " " << name;
    }
  }
}

TEST_F(Tape, OnlyTheReferenceTakesF64) {
  for (const auto& [name, device] : all_cpu_devices()) {
    const Tensor x = random_as(*device, DType::kF64, {2, 4}, 1);
    try {
      ops::layer_norm(x, {}, 1e-5F);
      ADD_FAILURE() << name;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(e.message().find("layer_norm: x is F64, not F32"), std::string::npos) << e.message();
    }
    EXPECT_EQ(code_of([&] { ops::add(x, x); }), ErrorCode::kInvalidArgument) << name;
    EXPECT_EQ(code_of([&] { ops::convert(ops::convert(x, DType::kF32), DType::kF64); }),
              ErrorCode::kUnsupported)
        << name;
  }
}

}  // namespace
}  // namespace dq::test
