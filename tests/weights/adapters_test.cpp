// Every kind of adapter by itself: a new one changes nothing, its gradient is its slope, its names are known,
// and what does not fit is told. That they paint what other programs paint is in
// tests/pipeline/loras_test.cpp.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "grad/tape.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "support/golden.h"
#include "weights/adapters/kinds.h"

namespace dq::weights {
namespace {

constexpr AdapterKind kAll[]{AdapterKind::kLora, AdapterKind::kLoha, AdapterKind::kLokr, AdapterKind::kDora,
                             AdapterKind::kOft};
const Shape kShapes[]{{12, 10}, {8, 6, 3, 3}};

class Adapters : public testing::Test {
 protected:
  Tensor random(const Shape& shape, std::uint64_t seed, double deviation = 1) {
    Tensor out = Tensor::empty(*device_, DType::kF32, shape);
    Normals normals(CounterRandom{seed});
    for (std::int64_t i = 0; i < out.count(); ++i)
      out.data<float>()[i] = static_cast<float>(deviation * normals.next());
    return out;
  }
  Parameter layer(const Shape& shape) {
    Parameter out;
    out.shape = out.stored = shape;
    out.value = random(shape, 5);
    return out;
  }
  std::shared_ptr<const Adapter> fresh(AdapterKind kind, const Parameter& layer) {
    return fresh_adapter(kind, layer, {.rank = 2, .alpha = 3}, CounterRandom{7}, *device_);
  }

  std::unique_ptr<Device> device_ = ops::make_cpu_device();
};

TEST_F(Adapters, ANewOneLeavesTheLayerAsItIs) {
  for (const AdapterKind kind : kAll) {
    for (const Shape& shape : kShapes) {
      const Parameter parameter = layer(shape);
      const auto adapter = fresh(kind, parameter);
      EXPECT_TRUE(adapter->is_trained());
      EXPECT_LE(test::relative_error(adapter->changed(parameter.value), parameter.value), 1e-6)
          << to_string(kind) << dq::to_string(shape);
      // The same seed, the same numbers.
      const std::vector<AdapterPart> one = adapter->parts(), two = fresh(kind, parameter)->parts();
      for (std::size_t i = 0; i < one.size(); ++i)
        EXPECT_EQ(test::relative_error(one[i].value, two[i].value), 0) << one[i].name;
    }
  }
}

// Σ c·W'.
double weighed(const Adapter& adapter, const Tensor& weight, const Tensor& c) {
  const Tensor changed = adapter.changed(weight.detached());
  double sum = 0;
  for (std::int64_t i = 0; i < c.count(); ++i)
    sum += static_cast<double>(changed.data<float>()[i]) * static_cast<double>(c.data<float>()[i]);
  return sum;
}

// Along a random direction of each leaf, with central differences of f32 numbers. Of DoRA's direction the
// gradient is another (the length counts as a constant): see the next test.
TEST_F(Adapters, TheGradientIsTheSlope) {
  for (const AdapterKind kind : kAll) {
    for (const Shape& shape : kShapes) {
      const Parameter parameter = layer(shape);
      const auto adapter = fresh(kind, parameter);
      std::vector<AdapterPart> parts = adapter->parts();
      for (std::size_t i = 0; i < parts.size(); ++i) {
        if (!parts[i].value.grad_node()) continue;
        const Tensor numbers = random(parts[i].value.shape(), 20 + i, 0.3);
        std::copy_n(numbers.data<float>(), numbers.count(), parts[i].value.data<float>());
      }
      const Tensor c = random(shape, 6);
      grad::backward(adapter->changed(parameter.value), c);
      for (std::size_t i = 0; i < parts.size(); ++i) {
        if (!parts[i].value.grad_node()) continue;
        if (kind == AdapterKind::kDora && parts[i].name != "dora_scale") continue;
        Tensor& leaf = parts[i].value;
        const Tensor way = random(leaf.shape(), 40 + i), before = ops::copied(leaf.detached()),
                     gradient = grad::gradient(leaf);
        constexpr double kStep = 1e-3;
        double along = 0, ends[2];
        for (const int side : {0, 1}) {
          for (std::int64_t j = 0; j < leaf.count(); ++j) {
            leaf.data<float>()[j] = before.data<float>()[j] +
                                    static_cast<float>(side == 0 ? -kStep : kStep) * way.data<float>()[j];
          }
          ends[side] = weighed(*adapter, parameter.value, c);
        }
        std::copy_n(before.data<float>(), before.count(), leaf.data<float>());
        for (std::int64_t j = 0; j < leaf.count(); ++j)
          along += static_cast<double>(gradient.data<float>()[j]) * static_cast<double>(way.data<float>()[j]);
        EXPECT_NEAR((ends[1] - ends[0]) / (2 * kStep), along, 5e-3 * std::abs(along) + 5e-3)
            << to_string(kind) << dq::to_string(shape) << parts[i].name;
      }
    }
  }
}

// With the lengths held, DoRA's direction has the gradient of a LoRA whose rows are weighed by m/‖W + Δ‖. A
// new one has the lengths of the base, so that all these weights are 1.
TEST_F(Adapters, TheLengthOfADoraIsAConstant) {
  const Parameter parameter = layer({12, 10});
  const Tensor c = random({12, 10}, 6);
  const auto up_gradient = [&](AdapterKind kind) {
    const auto adapter = fresh(kind, parameter);
    grad::backward(adapter->changed(parameter.value), c);
    for (const AdapterPart& part : adapter->parts()) {
      if (part.name == "lora_up.weight") return grad::gradient(part.value);
    }
    return Tensor();
  };
  EXPECT_LE(test::relative_error(up_gradient(AdapterKind::kDora), up_gradient(AdapterKind::kLora)), 1e-5);
}

TEST_F(Adapters, NamesOfOtherProgramsAreKnown) {
  const auto apart = [](const char* name) {
    const auto found = adapter_tensor_name(name);
    return found ? found->module + " | " + found->part : "nothing";
  };
  EXPECT_EQ(apart("lora_unet_x.lora_down.weight"), "lora_unet_x | lora_down.weight");
  EXPECT_EQ(apart("unet.a.to_q.lora_A.weight"), "unet.a.to_q | lora_down.weight");
  EXPECT_EQ(apart("diffusion_model.a.lora_B.default.weight"), "diffusion_model.a | lora_up.weight");
  EXPECT_EQ(apart("x.lora.up.weight"), "x | lora_up.weight");
  EXPECT_EQ(apart("x.lora_magnitude_vector"), "x | dora_scale");
  EXPECT_EQ(apart("x.lokr_w2_a"), "x | lokr_w2_a");
  EXPECT_EQ(apart("x.oft_blocks"), "x | oft_blocks");
  EXPECT_EQ(apart(".alpha"), "nothing");
  EXPECT_EQ(apart("x.weight"), "nothing");
}

// What LyCORIS 4.1.3 answers (functional.general.factorization).
TEST_F(Adapters, SizesAreDividedAsLyCorisDoes) {
  using Pair = std::pair<std::int64_t, std::int64_t>;
  const std::map<Pair, Pair> table{{{127, -1}, {1, 127}}, {{128, -1}, {8, 16}},  {{250, -1}, {10, 25}},
                                   {{360, -1}, {18, 20}}, {{512, -1}, {16, 32}}, {{1024, -1}, {32, 32}},
                                   {{128, 2}, {2, 64}},   {{250, 4}, {2, 125}},  {{360, 16}, {15, 24}},
                                   {{512, 8}, {8, 64}},   {{320, 16}, {16, 20}}, {{768, 4}, {4, 192}}};
  for (const auto& [asked, expected] : table)
    EXPECT_EQ(Pair(factors_of(asked.first, asked.second)), expected) << asked.first << " by " << asked.second;
}

TEST_F(Adapters, WhatDoesNotFitIsTold) {
  const Shape shape{12, 10};
  const auto read = [&](const AdapterTensors& tensors) { return read_adapter(tensors, shape, 1); };
  const auto code = [&](const AdapterTensors& tensors) {
    try {
      read(tensors);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  const auto t = [&](Shape s) { return random(s, 1); };
  const AdapterTensors lora{{"lora_down.weight", t({2, 10})}, {"lora_up.weight", t({12, 2})}};
  EXPECT_NO_THROW(read(lora));
  const auto with = [](AdapterTensors all, const char* name, const Tensor& value) {
    all[name] = value;
    return all;
  };
  EXPECT_EQ(code(with(lora, "lora_up.weight", t({11, 2}))), ErrorCode::kBadFile);
  EXPECT_EQ(code(with(lora, "alpha", t({2}))), ErrorCode::kBadFile);
  EXPECT_EQ(code(with(lora, "dora_scale", t({11, 1}))), ErrorCode::kBadFile);
  EXPECT_EQ(code({{"lora_down.weight", t({2, 10})}}), ErrorCode::kBadFile);
  const AdapterTensors loha{{"hada_w1_a", t({12, 2})},
                            {"hada_w1_b", t({2, 10})},
                            {"hada_w2_a", t({12, 2})},
                            {"hada_w2_b", t({2, 10})}};
  EXPECT_NO_THROW(read(loha));
  EXPECT_EQ(code(with(loha, "hada_w2_b", t({2, 11}))), ErrorCode::kBadFile);
  EXPECT_EQ(code(with(loha, "hada_t1", t({2, 2, 3, 3}))), ErrorCode::kUnsupported);
  const AdapterTensors lokr{{"lokr_w1", t({3, 2})}, {"lokr_w2", t({4, 5})}};
  EXPECT_NO_THROW(read(lokr));
  EXPECT_EQ(code(with(lokr, "lokr_w1", t({3, 3}))), ErrorCode::kBadFile);
  EXPECT_EQ(code(with(lokr, "lokr_w2", t({4}))), ErrorCode::kBadFile);
  EXPECT_EQ(code({{"lokr_w1", t({3, 2})}}), ErrorCode::kBadFile);
  EXPECT_NO_THROW(read({{"oft_blocks", t({3, 4, 4})}}));
  EXPECT_EQ(code({{"oft_blocks", t({3, 4, 5})}}), ErrorCode::kBadFile);
  EXPECT_EQ(code({{"oft_blocks", t({2, 4, 4})}}), ErrorCode::kBadFile);
  EXPECT_EQ(code({{"oft_blocks", t({1, 3, 4, 4})}}), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace dq::weights
