// Backward rules of single ops against PyTorch's in f64 (tests/golden/make_grad.py), on every kernel set.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "grad/tape.h"
#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/linear.h"
#include "ops/matrix_cases.h"
#include "ops/norm.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/upsample.h"

namespace dq::test {
namespace {

using ops::Activation;
using Inputs = std::map<std::string, Tensor>;
using Op = std::function<Tensor(Inputs&)>;

class OpGradient : public testing::TestWithParam<Variant> {
 protected:
  // f32 against f64: sums of up to a few thousand rounded products.
  static constexpr double kTolerance = 3e-6;

  void check(const std::string& name, const std::vector<std::string>& asked, const Op& op) {
    Inputs inputs;
    for (const files::TensorEntry& entry : file_->tensors()) {
      const std::string prefix = name + ".";
      if (!entry.name.starts_with(prefix)) continue;
      inputs[entry.name.substr(prefix.size())] = golden(*file_, entry.name, *device_);
    }
    // Each alone, then all together: what nobody asks for must not be missed.
    for (std::size_t only = 0; only <= asked.size(); ++only) {
      Inputs mine = inputs;
      for (std::size_t i = 0; i < asked.size(); ++i) {
        if (only == i || only == asked.size()) ask_gradient(mine.at(asked[i]));
      }
      const Tensor y = op(mine);
      EXPECT_LE(relative_error(y, inputs.at("y")), forward_tolerance_) << name;
      grad::backward(y, inputs.at("dy"));
      for (std::size_t i = 0; i < asked.size(); ++i) {
        if (only != i && only != asked.size()) continue;
        const Tensor got = grad::gradient(mine.at(asked[i]));
        ASSERT_TRUE(got.defined()) << name << " " << asked[i];
        // The rounded y goes into the way back once.
        EXPECT_LE(relative_error(got, inputs.at("d" + asked[i])), forward_tolerance_)
            << name << " " << asked[i];
      }
    }
  }

  double forward_tolerance_ = kTolerance;
  std::unique_ptr<Device> device_ = GetParam().device(2);
  std::shared_ptr<const files::WeightSource> file_ = files::open_weights(golden_path("grad.safetensors"));
};

TEST_P(OpGradient, Norms) {
  const auto group = [](int groups, Activation act) {
    return [=](Inputs& in) {
      return ops::group_norm(in["x"], groups, {in["weight"], in["bias"]}, 1e-5f, act);
    };
  };
  check("group_norm.silu", {"x", "weight", "bias"}, group(32, Activation::kSilu));
  check("group_norm.plain", {"x", "weight", "bias"}, group(4, Activation::kNone));
  check("group_norm.large", {"x", "weight", "bias"}, group(8, Activation::kSilu));
  for (const char* name : {"layer_norm.wide", "layer_norm.many", "layer_norm.narrow"}) {
    check(name, {"x", "weight", "bias"}, [](Inputs& in) {
      return ops::layer_norm(in["x"], {in["weight"], in["bias"]}, 1e-5f);
    });
  }
}

TEST_P(OpGradient, RmsNormAndRope) {
  for (const char* name : {"rms_norm.wide", "rms_norm.many", "rms_norm.narrow"}) {
    check(name, {"x", "weight"}, [](Inputs& in) { return ops::rms_norm(in["x"], in["weight"], 1e-6f); });
  }
  check("rope.pairs", {"x"}, [](Inputs& in) {
    return ops::rope(in["x"], {in["cos"], in["sin"]}, 2, ops::RopeForm::kPairs);
  });
  check("rope.halves", {"x"}, [](Inputs& in) {
    return ops::rope(in["x"], {in["cos"], in["sin"]}, 2, ops::RopeForm::kHalves);
  });
}

// Frozen weights have a way back too, as a trainer packs them.
TEST_P(OpGradient, MatrixProducts) {
  if (GetParam().precision == Precision::kBF16) forward_tolerance_ = 1e-2;
  const auto packed = [&](const Tensor& weight) {
    const auto pack = weight.rank() == 4 ? ops::pack_conv2d : ops::pack_linear;
    ops::PackedWeight out = pack(*device_, weight, GetParam().precision);
    out.source = weight;
    return out;
  };
  check("linear", {"x", "weight", "bias", "residual"}, [&](Inputs& in) {
    return ops::linear(in["x"], packed(in["weight"]),
                       {.bias = &in["bias"], .act = Activation::kSilu, .residual = &in["residual"]});
  });
  check("linear_geglu", {"x", "weight", "bias"},
        [&](Inputs& in) { return ops::linear_geglu(in["x"], packed(in["weight"]), &in["bias"]); });
  ops::Conv2dOptions o{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  check("conv2d.plain", {"x", "weight", "bias", "per_image"}, [&](Inputs& in) {
    o.bias = &in["bias"];
    o.per_image = &in["per_image"];
    return ops::conv2d(in["x"], packed(in["weight"]), o);
  });
  o.stride = 2;
  o.per_image = nullptr;
  check("conv2d.strided", {"x", "weight", "bias"}, [&](Inputs& in) {
    o.bias = &in["bias"];
    return ops::conv2d(in["x"], packed(in["weight"]), o);
  });
}

TEST_P(OpGradient, Sums) {
  check("combine", {"a", "b"}, [](Inputs& in) {
    return ops::combine({{0.1, &in["a"]}, {-2.5, &in["b"]}, {1.0, &in["a"]}});
  });
  check("concat", {"a", "b"}, [](Inputs& in) { return ops::concat({in["a"], in["b"], in["a"]}, 1); });
}

TEST_P(OpGradient, Activations) {
  const std::pair<const char*, Activation> cases[] = {{"act.silu", Activation::kSilu},
                                                      {"act.gelu", Activation::kGelu},
                                                      {"act.gelu_tanh", Activation::kGeluTanh},
                                                      {"act.quick_gelu", Activation::kQuickGelu}};
  for (const auto& [name, act] : cases) {
    check(name, {"x"}, [act = act](Inputs& in) { return ops::activate(in["x"], act); });
  }
  check("geglu", {"x"}, [](Inputs& in) { return ops::geglu(in["x"]); });
  check("multiply", {"a", "b"}, [](Inputs& in) { return ops::multiply(in["a"], in["b"]); });
}

TEST_P(OpGradient, PlacesAndRows) {
  check("upsample.double", {"x"}, [](Inputs& in) { return ops::upsample_nearest(in["x"], 6, 10); });
  check("upsample.odd", {"x"}, [](Inputs& in) { return ops::upsample_nearest(in["x"], 7, 5); });
  check("embedding", {"table"}, [](Inputs& in) {
    return ops::embedding(in["table"], std::vector<std::int32_t>{3, 0, 3, 10, 3});
  });
}

// In bf16 the forward pass rounds its inputs; the way back is in f32 on every device.
TEST_P(OpGradient, Attention) {
  const auto attend = [](int heads, bool causal) {
    return [=](Inputs& in) {
      ops::AttentionOptions o{.heads = heads, .causal = causal};
      const auto bias = in.find("bias");
      if (bias != in.end()) o.bias = &bias->second;
      return ops::attention(in["q"], in["k"], in["v"], o);
    };
  };
  forward_tolerance_ = GetParam().precision == Precision::kBF16 ? 1e-2 : kTolerance;
  check("attention.self", {"q", "k", "v"}, attend(4, false));
  check("attention.cross", {"q", "k", "v"}, attend(1, false));
  check("attention.causal", {"q", "k", "v"}, attend(2, true));
  check("attention.chunks", {"q", "k", "v"}, attend(1, false));
  check("attention.bias", {"q", "k", "v"}, attend(2, false));
}

// Three slices of one projection, as networks have them.
TEST_P(OpGradient, AttentionOverAFusedProjection) {
  const Tensor parts = random_tensor(*device_, {2, 19, 3 * 16}, 1),
               dy = random_tensor(*device_, {2, 19, 16}, 2);
  Tensor fused = parts, q = ops::contiguous(parts.slice(2, 0, 16)),
         k = ops::contiguous(parts.slice(2, 16, 32)), v = ops::contiguous(parts.slice(2, 32, 48));
  for (Tensor* x : {&fused, &q, &k, &v}) ask_gradient(*x);
  const ops::AttentionOptions options{.heads = 2};
  grad::backward(
      ops::attention(fused.slice(2, 0, 16), fused.slice(2, 16, 32), fused.slice(2, 32, 48), options), dy);
  grad::backward(ops::attention(q, k, v, options), dy);
  const Tensor apart = ops::concat({grad::gradient(q), grad::gradient(k), grad::gradient(v)}, 2);
  EXPECT_EQ(relative_error(grad::gradient(fused), apart), 0);
}

TEST_P(OpGradient, ThreadsDoNotChangeABit) {
  const auto run = [&](int threads) {
    const auto device = GetParam().device(threads);
    Tensor x = random_tensor(*device, {3, 9, 11, 64}, 1), w = random_tensor(*device, {64}, 2),
           b = random_tensor(*device, {64}, 3);
    for (Tensor* t : {&x, &w, &b}) ask_gradient(*t);
    const Tensor h = ops::group_norm(x, 32, {w, b}, 1e-5f, Activation::kSilu).reshape({3, 99, 64});
    const Tensor normed = ops::layer_norm(h, {w, b}, 1e-5f);
    const Tensor y = ops::attention(normed, h, normed, {.heads = 4});
    grad::backward(y, random_tensor(*device, y.shape(), 4));
    std::vector<std::vector<float>> out;
    for (const Tensor* t : {&x, &w, &b}) {
      const Tensor g = grad::gradient(*t);
      out.emplace_back(g.data<float>(), g.data<float>() + g.count());
    }
    return out;
  };
  const auto two = run(2);
  EXPECT_EQ(run(1), two);
  EXPECT_EQ(run(3), two);
  EXPECT_EQ(run(5), two);
}

INSTANTIATE_TEST_SUITE_P(Kernels, OpGradient, testing::ValuesIn(variants()),
                         [](const auto& variant) { return variant.param.name; });

}  // namespace
}  // namespace dq::test
