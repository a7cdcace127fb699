#include "grad/op_cases.h"

#include <cmath>

#include "grad/tape.h"
#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/inverse.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/upsample.h"
#include "support/golden.h"
#include "tensor/gradient.h"

namespace dq::test {
namespace {

Tensor tensor_as(Device& device, DType dtype, Shape shape, const std::vector<float>& values) {
  if (dtype == DType::kF32) return Tensor::from(device, values, std::move(shape));
  return Tensor::from(device, std::vector<double>(values.begin(), values.end()), std::move(shape));
}

using ops::Activation;

// Packed as a trainer packs frozen weights: with a way back, whether or not the weight asks.
ops::PackedWeight packed(const Tensor& weight) {
  ops::PackedWeight out = weight.rank() == 4 ? ops::pack_conv2d(weight.device(), weight, Precision::kF32)
                                             : ops::pack_linear(weight.device(), weight, Precision::kF32);
  out.source = weight;
  return out;
}

void add_linear(std::vector<OpCase>& out) {
  const auto full = [](Activation act) {
    return [act](const Inputs& in) {
      return ops::linear(in[0], packed(in[1]), {.bias = &in[2], .act = act, .residual = &in[3]});
    };
  };
  const std::vector<Shape> small = {{2, 3, 5}, {4, 5}, {4}, {2, 3, 4}};
  const std::vector<Shape> large = {{3, 67, 45}, {70, 45}, {70}, {3, 67, 70}};
  out.push_back({"Linear", small, large, full(Activation::kNone)});
  out.push_back({"LinearSilu", small, large, full(Activation::kSilu)});
  out.push_back({"LinearOfStridedRows", {{3, 2, 7}, {4, 5}}, {{5, 31, 40}, {17, 38}}, [](const Inputs& in) {
                   const Tensor rows = in[0].slice(2, 1, in[0].dim(2) - 1).permute({1, 0, 2});
                   return ops::linear(rows, packed(in[1]));
                 }});
  // More comes out than goes in: the input is turned for the weight's gradient, not dy.
  out.push_back({"LinearThatWidens", {{7, 2}, {5, 2}}, {{300, 6}, {70, 6}}, [](const Inputs& in) {
                   return ops::linear(in[0], packed(in[1]));
                 }});
  // What the second gives is added to what the first gave, on its way; the third sees another shape.
  out.push_back({"LinearsOfOneTensor",
                 {{2, 3, 4}, {5, 4}, {5, 4}},
                 {{3, 50, 33}, {40, 33}, {40, 33}},
                 [](const Inputs& in) {
                   const Tensor& x = in[0];
                   const Tensor flat = x.reshape({x.dim(0) * x.dim(1), x.dim(2)});
                   const Tensor first = ops::linear(x, packed(in[1])), second = ops::linear(x, packed(in[2]));
                   const Tensor third = ops::linear(flat, packed(in[1])).reshape(first.shape());
                   return ops::multiply(ops::add(first, second), third);
                 }});
  // As an adapter stands beside a layer; the last pair is too wide for one pass.
  const auto adapted = [](const Inputs& in) {
    const ops::LowRank low{in[4], in[5]};
    return ops::linear(in[0], packed(in[1]),
                       {.bias = &in[2], .act = Activation::kSilu, .residual = &in[3], .low_rank = low});
  };
  out.push_back({"LinearBesideALowRank",
                 {{2, 3, 5}, {4, 5}, {4}, {2, 3, 4}, {2, 5}, {4, 2}},
                 {{3, 67, 45}, {70, 45}, {70}, {3, 67, 70}, {16, 45}, {70, 16}},
                 adapted});
  out.push_back({"LinearBesideAWideLowRank",
                 {{2, 2}, {3, 2}, {3}, {2, 3}, {129, 2}, {3, 129}},
                 {{50, 20}, {30, 20}, {30}, {50, 30}, {130, 20}, {30, 130}},
                 adapted});
  out.push_back({"LinearGegluBesideALowRank",
                 {{3, 5}, {6, 5}, {6}, {2, 5}, {6, 2}},
                 {{150, 33}, {50, 33}, {50}, {16, 33}, {50, 16}},
                 [](const Inputs& in) {
                   const ops::LowRank low{in[3], in[4]};
                   return ops::linear_geglu(in[0], packed(in[1]), &in[2], low);
                 }});
  out.push_back({"LinearGeglu", {{3, 5}, {6, 5}, {6}}, {{150, 33}, {50, 33}, {50}}, [](const Inputs& in) {
                   return ops::linear_geglu(in[0], packed(in[1]), &in[2]);
                 }});
}

void add_conv2d(std::vector<OpCase>& out) {
  const auto convolve = [](ops::Conv2dOptions o) {
    return [o](const Inputs& in) {
      ops::Conv2dOptions options = o;
      options.bias = &in[2];
      if (in.size() > 3) options.per_image = &in[3];
      if (in.size() > 4) options.residual = &in[4];
      return ops::conv2d(in[0], packed(in[1]), options);
    };
  };
  const ops::Conv2dOptions around{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  out.push_back({"Conv2d",
                 {{2, 4, 3, 2}, {3, 2, 3, 3}, {3}, {2, 3}, {2, 4, 3, 3}},
                 {{2, 17, 13, 20}, {33, 20, 3, 3}, {33}, {2, 33}, {2, 17, 13, 33}},
                 convolve(around)});
  out.push_back({"Conv2dOfOnePixel",
                 {{2, 3, 2, 4}, {5, 4, 1, 1}, {5}, {2, 5}},
                 {{2, 17, 13, 40}, {33, 40, 1, 1}, {33}, {2, 33}},
                 convolve({})});
  out.push_back({"Conv2dStrided",
                 {{1, 6, 5, 2}, {3, 2, 3, 3}, {3}},
                 {{2, 18, 13, 20}, {33, 20, 3, 3}, {33}},
                 convolve({.stride = 2, .pad_bottom = 1, .pad_right = 1})});
  ops::Conv2dOptions enlarged = around;
  enlarged.upsample_input = true;
  out.push_back({"Conv2dEnlarged",
                 {{1, 2, 3, 2}, {3, 2, 3, 3}, {3}},
                 {{2, 9, 7, 20}, {33, 20, 3, 3}, {33}},
                 convolve(enlarged)});
}

void add_attention(std::vector<OpCase>& out) {
  const auto attend = [](int heads, bool causal) {
    return [=](const Inputs& in) {
      return ops::attention(in[0], in[1], in[2], {.heads = heads, .causal = causal});
    };
  };
  out.push_back({"Attention",
                 {{2, 3, 6}, {2, 5, 6}, {2, 5, 4}},
                 {{2, 71, 48}, {2, 133, 48}, {2, 133, 30}},
                 attend(2, false)});
  out.push_back({"AttentionCausal",
                 {{1, 4, 3}, {1, 4, 3}, {1, 4, 5}},
                 {{2, 77, 32}, {2, 77, 32}, {2, 77, 32}},
                 attend(1, true)});
  out.push_back({"AttentionBiased",
                 {{2, 3, 4}, {2, 4, 4}, {2, 4, 4}},
                 {{2, 33, 40}, {2, 45, 40}, {2, 45, 40}},
                 [](const Inputs& in) {
                   const Tensor bias = random_as(in[0].device(), in[0].dtype(),
                                                 {1, 2, in[0].dim(1), in[1].dim(1)}, 77, -2, 2);
                   return ops::attention(in[0], in[1], in[2], {.heads = 2, .scale = 0.3F, .bias = &bias});
                 }});
  // One query sees no key at all, all others only some.
  out.push_back({"AttentionMasked",
                 {{2, 3, 4}, {2, 4, 4}, {2, 4, 4}},
                 {{1, 150, 40}, {1, 300, 40}, {1, 300, 56}},
                 [](const Inputs& in) {
                   std::vector<float> hidden(static_cast<std::size_t>(in[0].dim(1) * in[1].dim(1)), 0);
                   for (std::size_t i = 0; i < hidden.size(); ++i) {
                     const auto keys = static_cast<std::size_t>(in[1].dim(1));
                     if (i / keys == 1 || i % keys % 3 == 0) hidden[i] = -INFINITY;
                   }
                   const Tensor bias =
                       tensor_as(in[0].device(), in[0].dtype(), {1, 1, in[0].dim(1), in[1].dim(1)}, hidden);
                   return ops::attention(in[0], in[1], in[2], {.bias = &bias});
                 }});
  // One projection gives queries, keys and values.
  out.push_back({"AttentionFused", {{2, 4, 12}}, {{2, 65, 72}}, [](const Inputs& in) {
                   const std::int64_t w = in[0].dim(2) / 3;
                   return ops::attention(in[0].slice(2, 0, w), in[0].slice(2, w, 2 * w),
                                         in[0].slice(2, 2 * w, 3 * w), {.heads = 2});
                 }});
}

void add_norms(std::vector<OpCase>& out) {
  const std::pair<const char*, Activation> acts[] = {{"", Activation::kNone},
                                                     {"Silu", Activation::kSilu},
                                                     {"Gelu", Activation::kGelu},
                                                     {"GeluTanh", Activation::kGeluTanh},
                                                     {"QuickGelu", Activation::kQuickGelu}};
  for (const auto& [name, act] : acts) {
    const auto norm = [act = act](const Inputs& in) {
      return ops::group_norm(in[0], 3, {in[1], in[2]}, 1e-5F, act);
    };
    out.push_back(
        {std::string("GroupNorm") + name, {{2, 3, 2, 6}, {6}, {6}}, {{2, 37, 41, 33}, {33}, {33}}, norm});
    if (act == Activation::kNone) continue;
    out.push_back({std::string("Activate") + name, {{3, 7}}, {{3, 77, 101}}, [act = act](const Inputs& in) {
                     return ops::activate(in[0], act);
                   }});
  }
  out.push_back({"GroupNormAlone", {{2, 2, 3, 4}}, {{3, 8, 8, 320}}, [](const Inputs& in) {
                   return ops::group_norm(in[0], 2, {}, 1e-5F, Activation::kSilu);
                 }});
  out.push_back({"LayerNorm", {{2, 3, 5}, {5}, {5}}, {{3, 170, 77}, {77}, {77}}, [](const Inputs& in) {
                   return ops::layer_norm(in[0], {in[1], in[2]}, 1e-5F);
                 }});
  out.push_back({"LayerNormOfStridedRows", {{3, 2, 7}}, {{5, 31, 40}}, [](const Inputs& in) {
                   return ops::layer_norm(in[0].slice(2, 1, in[0].dim(2)).permute({1, 0, 2}), {}, 1e-5F);
                 }});
  out.push_back({"RmsNorm", {{2, 3, 5}, {5}}, {{3, 170, 77}, {77}}, [](const Inputs& in) {
                   return ops::rms_norm(in[0], in[1], 1e-6F);
                 }});
  out.push_back({"RmsNormAlone", {{3, 2, 7}}, {{2000, 19}}, [](const Inputs& in) {
                   return ops::rms_norm(in[0], {}, 1e-6F);
                 }});
}

void add_rope(std::vector<OpCase>& out) {
  const auto turn = [](ops::RopeForm form, bool each_batch) {
    return [=](const Inputs& in) {
      const Tensor& x = in[0];
      Shape shape = {x.dim(1), x.dim(2) / 2 / 2};
      if (each_batch) shape.insert(shape.begin(), x.dim(0));
      const ops::RopeTables tables{random_as(x.device(), x.dtype(), shape, 5),
                                   random_as(x.device(), x.dtype(), shape, 6)};
      return ops::rope(x, tables, 2, form);
    };
  };
  const std::vector<Shape> small = {{2, 3, 12}}, large = {{3, 211, 2 * 42}};
  out.push_back({"RopeOfPairs", small, large, turn(ops::RopeForm::kPairs, false)});
  out.push_back({"RopeOfHalves", small, large, turn(ops::RopeForm::kHalves, true)});
  out.push_back({"RopeOfSlices", {{2, 3, 12}}, {{2, 99, 120}}, [turn](const Inputs& in) {
                   const std::int64_t w = in[0].dim(2) / 3;
                   const auto rope = turn(ops::RopeForm::kHalves, false);
                   return ops::add(rope({in[0].slice(2, w, 2 * w)}), rope({in[0].slice(2, 0, w)}));
                 }});
}

void add_elementwise(std::vector<OpCase>& out) {
  const std::vector<Shape> two = {{3, 7}, {3, 7}}, many = {{37, 1001}, {37, 1001}};
  out.push_back({"Add", two, many, [](const Inputs& in) { return ops::add(in[0], in[1]); }});
  out.push_back({"Multiply", two, many, [](const Inputs& in) { return ops::multiply(in[0], in[1]); }});
  out.push_back(
      {"Square", {{3, 7}}, {{37, 1001}}, [](const Inputs& in) { return ops::multiply(in[0], in[0]); }});
  out.push_back(
      {"Combine", {{3, 7}, {3, 7}, {3, 7}}, {{37, 1001}, {37, 1001}, {37, 1001}}, [](const Inputs& in) {
         return ops::combine({{0.1, &in[0]}, {-2.5, &in[1]}, {1.0, &in[2]}, {0.7, &in[0]}});
       }});
  out.push_back(
      {"Geglu", {{2, 3, 10}}, {{3, 99, 2 * 37}}, [](const Inputs& in) { return ops::geglu(in[0]); }});
  // Far enough from having no inverse.
  out.push_back({"Inverse", {{2, 3, 3}}, {{3, 7, 7}}, [](const Inputs& in) {
                   const std::int64_t n = in[0].dim(1);
                   std::vector<double> ones(static_cast<std::size_t>(in[0].count()), 0.0);
                   for (std::int64_t i = 0; i < in[0].dim(0) * n; ++i)
                     ones[static_cast<std::size_t>(i / n * n * n + i % n * (n + 1))] = 1;
                   const Tensor one =
                       ops::convert(Tensor::from(in[0].device(), ones, in[0].shape()), in[0].dtype());
                   return ops::inverse(ops::combine({{0.1, &in[0]}, {1, &one}}));
                 }});
  out.push_back({"Contiguous", {{2, 3, 4}}, {{3, 77, 65}}, [](const Inputs& in) {
                   return ops::contiguous(in[0].permute({2, 0, 1}));
                 }});
  out.push_back({"Concat",
                 {{2, 3, 4}, {2, 1, 4}, {2, 2, 4}},
                 {{3, 77, 65}, {3, 20, 65}, {3, 1, 65}},
                 [](const Inputs& in) { return ops::concat(in, 1); }});
  out.push_back({"UpsampleTwice", {{2, 2, 3, 4}}, {{2, 9, 13, 20}}, [](const Inputs& in) {
                   return ops::upsample_nearest(in[0], 2 * in[0].dim(1), 2 * in[0].dim(2));
                 }});
  out.push_back({"UpsampleOddly", {{1, 3, 4, 3}}, {{2, 9, 13, 17}}, [](const Inputs& in) {
                   return ops::upsample_nearest(in[0], in[0].dim(1) + 2, in[0].dim(2) - 1);
                 }});
  out.push_back({"Embedding", {{5, 3}}, {{5, 770}}, [](const Inputs& in) {
                   return ops::embedding(in[0], std::vector<std::int32_t>{4, 0, 4, 1, 4, 0});
                 }});
}

void add_views(std::vector<OpCase>& out) {
  out.push_back({"ViewsOfViews", {{4, 3, 6}}, {{40, 33, 60}}, [](const Inputs& in) {
                   const Tensor part = in[0].permute({1, 0, 2}).slice(1, 1, in[0].dim(0)).slice(2, 0, 4);
                   return ops::activate(ops::contiguous(part).reshape({-1, 2}), Activation::kSilu);
                 }});
  out.push_back({"SlicesUsedAgainAndAgain", {{3, 12}}, {{77, 120}}, [](const Inputs& in) {
                   const std::int64_t w = in[0].dim(1) / 3;
                   const auto part = [&](std::int64_t i) {
                     return ops::contiguous(in[0].slice(1, i * w, (i + 1) * w));
                   };
                   const Tensor a = ops::multiply(part(0), part(1)), b = ops::multiply(part(0), part(2));
                   return ops::add(ops::add(a, b), ops::multiply(a, part(1)));
                 }});
  out.push_back({"WholeAndPart", {{4, 5}}, {{60, 101}}, [](const Inputs& in) {
                   const Tensor half = in[0].slice(0, 0, in[0].dim(0) / 2);
                   const Tensor whole = ops::concat({half, half}, 0);
                   return ops::add(ops::multiply(whole, in[0]), in[0]);
                 }});
  out.push_back({"ReshapedTwice", {{4, 6}}, {{60, 102}}, [](const Inputs& in) {
                   const Tensor tall = in[0].reshape({-1, 2}), again = in[0].reshape({-1, 2});
                   return ops::add(ops::multiply(tall, again), tall);
                 }});
}

}  // namespace

std::vector<OpCase> op_cases() {
  std::vector<OpCase> out;
  add_linear(out);
  add_conv2d(out);
  add_attention(out);
  add_norms(out);
  add_rope(out);
  add_elementwise(out);
  add_views(out);
  return out;
}

Tensor random_as(Device& device, DType dtype, Shape shape, std::uint64_t seed, float lo, float hi) {
  const std::vector<float> values =
      random_values(static_cast<std::size_t>(element_count(shape)), seed, lo, hi);
  return tensor_as(device, dtype, std::move(shape), values);
}

Inputs random_inputs(Device& device, DType dtype, const std::vector<Shape>& shapes, std::uint64_t seed) {
  Inputs out;
  for (const Shape& shape : shapes) out.push_back(random_as(device, dtype, shape, seed + out.size(), -2, 2));
  return out;
}

Inputs gradients(const OpCase& c, Inputs inputs, unsigned asked) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if ((asked >> i & 1u) != 0) ask_gradient(inputs[i]);
  }
  const Tensor y = c.op(inputs);
  grad::backward(y, random_as(y.device(), y.dtype(), y.shape(), 99));
  Inputs out(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].grad_node()) out[i] = grad::gradient(inputs[i]);
  }
  return out;
}

double weighted_sum(const OpCase& c, const Inputs& inputs) {
  const Tensor y = ops::contiguous(c.op(inputs)), dy = random_as(y.device(), y.dtype(), y.shape(), 99);
  double sum = 0;
  for (std::int64_t i = 0; i < y.count(); ++i) sum += y.data<double>()[i] * dy.data<double>()[i];
  return sum;
}

}  // namespace dq::test
