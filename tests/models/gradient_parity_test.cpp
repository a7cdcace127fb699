// The gradients of a whole small U-Net against PyTorch's in f64 (tests/golden/make_gradients.py).
#include <gtest/gtest.h>

#include <cmath>

#include "grad/checkpoint.h"
#include "grad/tape.h"
#include "models/tiny_model.h"
#include "models/unet/names.h"
#include "models/unet/unet.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "support/golden.h"

namespace dq::test {
namespace {

constexpr std::int64_t kSamples = 256;

struct Pass {
  std::unique_ptr<models::unet::Unet> unet;
  Tensor x, context;
  double loss = 0;
};

std::unique_ptr<models::unet::Unet> load(Device& device, weights::Purpose purpose) {
  const weights::TensorTable table = models::unet::locate(tiny_folder());
  models::unet::Config config = models::unet::read_config(table).value();
  config.heads = 8;
  return std::make_unique<models::unet::Unet>(table, config, device, purpose);
}

// Mean squared error of one pass over three latents at three timesteps, and all its gradients.
Pass run(Device& device, const files::WeightSource& file, weights::Purpose purpose,
         const models::BlockRunner* around = nullptr) {
  Pass out{load(device, purpose), golden(file, "x", device), golden(file, "context", device)};
  ask_gradient(out.x);
  ask_gradient(out.context);
  models::DenoiserInput input;
  input.x = out.x;
  input.context = out.context;
  for (const float t : {999.0f, 500.0f, 3.0f}) input.timesteps.push_back(static_cast<double>(t));
  input.around = around;
  const Tensor y = (*out.unet)(input);
  const Tensor target = golden(file, "target", device);
  const double share = 2.0 / static_cast<double>(y.count());
  const Tensor left = y.detached();
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const double d =
        static_cast<double>(left.data<float>()[i]) - static_cast<double>(target.data<float>()[i]);
    out.loss += d * d / static_cast<double>(y.count());
  }
  grad::backward(y, ops::combine({{share, &left}, {-share, &target}}));
  return out;
}

class GradientParity : public testing::Test {
 protected:
  void compare_parameters(const Pass& result, double tolerance, double zero = 1e-6) {
    double error = 0, size = 0;
    int without_effect = 0;
    for (const auto& [name, parameter] : result.unet->parameters()) {
      const Tensor got = grad::gradient(parameter->value);
      ASSERT_TRUE(got.defined()) << name;
      const Tensor expected = golden(*file_, name, *device_);
      double one = 0, norm = 0;
      for (std::int64_t i = 0; i < expected.count(); ++i) {
        const std::int64_t at = got.count() <= kSamples ? i : i * got.count() / kSamples;
        const double e = expected.data<float>()[i], d = got.data<float>()[at] - e;
        one += d * d;
        norm += e * e;
      }
      double whole = 0;
      for (std::int64_t i = 0; i < got.count(); ++i)
        whole += std::pow(static_cast<double>(got.data<float>()[i]), 2);
      const double stored = golden(*file_, "norm." + name, *device_).data<float>()[0];
      if (stored < 1e-12) {
        // Shifts a channel that a norm then centres: without effect, 0 but for rounding.
        EXPECT_LE(std::sqrt(whole), zero) << name;
        ++without_effect;
        continue;
      }
      EXPECT_LE(std::sqrt(one / norm), tolerance) << name;
      EXPECT_NEAR(std::sqrt(whole) / stored, 1, tolerance) << name;
      error += one;
      size += norm;
    }
    EXPECT_LE(std::sqrt(error / size), tolerance);
    EXPECT_LE(without_effect, 20);
  }

  std::unique_ptr<Device> device_ = ops::make_cpu_device();
  std::shared_ptr<const files::WeightSource> file_ =
      files::open_weights(golden_path("models/unet_gradients.safetensors"));
};

TEST_F(GradientParity, WholeUnetMatchesPyTorch) {
  const Pass result = run(*device_, *file_, weights::Purpose::kTrain);
  EXPECT_NEAR(result.loss, golden(*file_, "loss", *device_).data<float>()[0], 1e-5);
  EXPECT_LE(relative_error(grad::gradient(result.x), golden(*file_, "dx", *device_)), 1e-4);
  EXPECT_LE(relative_error(grad::gradient(result.context), golden(*file_, "dcontext", *device_)), 1e-4);
  // Seven tensors of the file are inputs and results; each parameter has two.
  EXPECT_EQ(2 * result.unet->parameters().size(), file_->tensors().size() - 7);
  compare_parameters(result, 1e-4);
}

TEST_F(GradientParity, CheckpointedBlocksGiveTheSameGradients) {
  const models::BlockRunner around = [&](const models::Block& block, std::vector<Tensor> inputs) {
    return grad::checkpoint(*device_, block, std::move(inputs));
  };
  const Pass result = run(*device_, *file_, weights::Purpose::kTrain, &around);
  EXPECT_LE(relative_error(grad::gradient(result.x), golden(*file_, "dx", *device_)), 1e-4);
  compare_parameters(result, 1e-4);
}

// Products in bf16 with weights, sums and gradients in f32: 8 bits of every factor.
TEST_F(GradientParity, Bf16ProductsStayNear) {
  const auto bf16 = ops::make_cpu_device({.precision = Precision::kBF16});
  const auto file = files::open_weights(golden_path("models/unet_gradients.safetensors"));
  const Pass result = run(*bf16, *file, weights::Purpose::kTrain);
  EXPECT_NEAR(result.loss, golden(*file_, "loss", *device_).data<float>()[0], 2e-2 * result.loss);
  const double error = relative_error(grad::gradient(result.x), golden(*file, "dx", *bf16));
  EXPECT_LE(error, 5e-2);
  EXPECT_GE(error, 1e-3);  // it is bf16
  compare_parameters(result, 0.1, 1e-4);
}

TEST_F(GradientParity, GradientsPassThroughFrozenWeights) {
  const Pass result = run(*device_, *file_, weights::Purpose::kAdapt);
  EXPECT_LE(relative_error(grad::gradient(result.x), golden(*file_, "dx", *device_)), 1e-4);
  EXPECT_LE(relative_error(grad::gradient(result.context), golden(*file_, "dcontext", *device_)), 1e-4);
}

TEST_F(GradientParity, ThreadsDoNotChangeABit) {
  const Pass two = run(*device_, *file_, weights::Purpose::kTrain);
  const auto one = ops::make_cpu_device({.threads = 1});
  const Pass single = run(*one, *file_, weights::Purpose::kTrain);
  EXPECT_EQ(relative_error(grad::gradient(single.x), grad::gradient(two.x)), 0);
  for (const auto& [name, parameter] : single.unet->parameters()) {
    EXPECT_EQ(relative_error(grad::gradient(parameter->value),
                             grad::gradient(two.unet->parameters().at(name)->value)),
              0)
        << name;
  }
}

}  // namespace
}  // namespace dq::test
