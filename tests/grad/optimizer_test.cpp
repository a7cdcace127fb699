// AdamW step by step against torch.optim.AdamW (tests/golden/make_optimizer.py), and the schedules.
#include "grad/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "grad/schedule.h"
#include "grad/tape.h"
#include "ops/devices.h"
#include "support/golden.h"
#include "tensor/gradient.h"

namespace dq::test {
namespace {

class AdamW : public testing::Test {
 protected:
  static constexpr int kSteps = 60;

  // The run of the golden file: three leaves, gradients by step, a rate that falls.
  struct Run {
    std::vector<grad::Trained> trained;
    std::unique_ptr<grad::Optimizer> optimizer;
  };
  Run start(Device& device) {
    Run run;
    for (const char* name : {"matrix", "vector", "kernel"}) {
      Tensor leaf = golden(*file_, std::string(name) + ".start", device);
      ask_gradient(leaf);
      run.trained.push_back({name, leaf, 1, std::string(name) != "vector"});
    }
    run.optimizer = grad::make_adamw(run.trained, {.weight_decay = 0.1});
    return run;
  }
  void advance(Run& run, Device& device, int from, int to) {
    for (int step = from; step < to; ++step) {
      for (const grad::Trained& t : run.trained) {
        const Tensor all = golden(*file_, t.name + ".gradients", device);
        Shape shape = t.leaf.shape();
        grad::set_gradient(t.leaf, all.slice(0, step, step + 1).reshape(shape));
      }
      run.optimizer->step(1e-2 * (1 - static_cast<double>(step) / 100));
    }
  }

  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 2});
  std::shared_ptr<const files::WeightSource> file_ =
      files::open_weights(golden_path("optimizer.safetensors"));
};

TEST_F(AdamW, FollowsTorchStepByStep) {
  Run run = start(*device_);
  for (int step = 0; step < kSteps; ++step) {
    advance(run, *device_, step, step + 1);
    for (const grad::Trained& t : run.trained) {
      const Tensor expected = golden(*file_, t.name + ".path", *device_);
      EXPECT_LE(relative_error(t.leaf, expected.slice(0, step, step + 1).reshape(t.leaf.shape())), 1e-6)
          << t.name << " after step " << step;
    }
  }
}

TEST_F(AdamW, GoesOnFromItsStateBitForBit) {
  Run straight = start(*device_), first = start(*device_), second = start(*device_);
  advance(straight, *device_, 0, 40);
  advance(first, *device_, 0, 17);
  second.optimizer->load_state(first.optimizer->state());
  for (std::size_t i = 0; i < first.trained.size(); ++i) {
    Tensor to = second.trained[i].leaf;
    std::copy_n(first.trained[i].leaf.data<float>(), to.count(), to.data<float>());
  }
  advance(second, *device_, 17, 40);
  for (std::size_t i = 0; i < straight.trained.size(); ++i) {
    EXPECT_EQ(relative_error(second.trained[i].leaf, straight.trained[i].leaf), 0);
  }
  auto state = first.optimizer->state();
  state.erase("second.vector");
  EXPECT_THROW(second.optimizer->load_state(state), Error);
}

TEST_F(AdamW, LeavesWithoutAGradientStay) {
  Run run = start(*device_);
  grad::set_gradient(run.trained[0].leaf, Tensor::full(*device_, run.trained[0].leaf.shape(), 1));
  run.optimizer->step(0.1);
  EXPECT_GT(relative_error(run.trained[0].leaf, golden(*file_, "matrix.start", *device_)), 0.01);
  EXPECT_EQ(relative_error(run.trained[1].leaf, golden(*file_, "vector.start", *device_)), 0);
}

TEST_F(AdamW, GradientsAreMeasuredScaledAndCleared) {
  Run run = start(*device_);
  EXPECT_EQ(grad::gradient_norm(run.trained), 0);
  grad::set_gradient(run.trained[1].leaf, Tensor::full(*device_, run.trained[1].leaf.shape(), 2));
  const auto n = static_cast<double>(run.trained[1].leaf.count());
  EXPECT_NEAR(grad::gradient_norm(run.trained), 2 * std::sqrt(n), 1e-9);
  grad::scale_gradients(run.trained, 0.25);
  EXPECT_NEAR(grad::gradient_norm(run.trained), 0.5 * std::sqrt(n), 1e-9);
  Tensor broken = Tensor::full(*device_, run.trained[1].leaf.shape(), 0);
  broken.data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  grad::set_gradient(run.trained[1].leaf, broken);
  EXPECT_TRUE(std::isnan(grad::gradient_norm(run.trained)));
  grad::clear_gradients(run.trained);
  EXPECT_FALSE(grad::gradient(run.trained[1].leaf).defined());
}

// transformers.get_scheduler with 10 warm-up steps of 110.
TEST(Schedules, FollowTransformers) {
  using grad::schedule_factor;
  using grad::schedule_named;
  const auto at = [](const char* name, int step) {
    return schedule_factor(schedule_named(name), step, 110, 10);
  };
  for (const char* name : {"constant", "linear", "cosine", "cosine_restarts", "rex"}) {
    EXPECT_EQ(at(name, 0), 0) << name;
    EXPECT_DOUBLE_EQ(at(name, 5), 0.5) << name;
    EXPECT_DOUBLE_EQ(at(name, 10), 1) << name;
  }
  EXPECT_DOUBLE_EQ(at("constant", 100), 1);
  EXPECT_DOUBLE_EQ(at("linear", 60), 0.5);
  EXPECT_NEAR(at("cosine", 60), 0.5, 1e-12);
  EXPECT_NEAR(at("cosine", 35), 0.8535533905932737, 1e-12);
  EXPECT_NEAR(at("cosine_restarts", 43), 0.5 * (1 + std::cos(M_PI * 0.99)), 1e-12);
  EXPECT_NEAR(at("cosine_restarts", 44), 0.5 * (1 + std::cos(M_PI * 0.02)), 1e-12);
  EXPECT_NEAR(at("rex", 60), 0.5 / 0.75, 1e-12);
  EXPECT_EQ(at("rex", 110), 0);
  EXPECT_THROW(schedule_named("cosin"), Error);
}

TEST(Schedules, MayEndAboveZero) {
  using grad::Schedule;
  const auto at = [](Schedule schedule, int step) {
    return grad::schedule_factor(schedule, step, 110, 10, {.least = 0.1});
  };
  EXPECT_DOUBLE_EQ(at(Schedule::kCosine, 5), 0.5);
  EXPECT_DOUBLE_EQ(at(Schedule::kCosine, 10), 1);
  EXPECT_NEAR(at(Schedule::kCosine, 60), 0.55, 1e-12);
  EXPECT_DOUBLE_EQ(at(Schedule::kCosine, 110), 0.1);
  EXPECT_NEAR(at(Schedule::kLinear, 60), 0.55, 1e-12);
  EXPECT_EQ(at(Schedule::kConstant, 110), 1);
}

TEST(Schedules, AConstantRateMayFallAtTheEnd) {
  const auto at = [](int step, double least) {
    return grad::schedule_factor(grad::Schedule::kConstant, step, 110, 10, {.least = least, .fall = 19});
  };
  EXPECT_DOUBLE_EQ(at(5, 0), 0.5);
  EXPECT_EQ(at(90, 0), 1);
  EXPECT_DOUBLE_EQ(at(91, 0), 0.95);
  EXPECT_DOUBLE_EQ(at(100, 0), 0.5);
  EXPECT_DOUBLE_EQ(at(109, 0), 0.05);
  EXPECT_DOUBLE_EQ(at(100, 0.2), 0.6);
}

}  // namespace
}  // namespace dq::test
