// The optimisers beside AdamW against their public implementations (tests/golden/make_optimizer.py), and what
// all of them promise: state that comes back from a file bit for bit, steps that do not depend on the number
// of threads, a choice by name.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "files/safetensors_write.h"
#include "grad/optimizer.h"
#include "grad/tape.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "support/golden.h"
#include "support/temp_dir.h"
#include "tensor/gradient.h"

namespace dq::test {
namespace {

constexpr int kSteps = 60;
const std::vector<std::string> kLeaves{"matrix", "vector", "kernel"};

struct Course {
  std::vector<grad::Trained> trained;
  std::unique_ptr<grad::Optimizer> optimizer;
};

class OptimizerKinds : public testing::Test {
 protected:
  // Leaves from the golden file's `prefix` + "NAME.start"; the vector does not decay.
  Course start(const std::string& prefix, const std::string& name, const grad::OptimizerOptions& options) {
    Course run;
    for (const std::string& leaf_name : kLeaves) {
      Tensor leaf = golden(*file_, prefix + leaf_name + ".start", *device_);
      ask_gradient(leaf);
      run.trained.push_back({leaf_name, leaf, 1, leaf_name != "vector"});
    }
    run.optimizer = grad::make_optimizer(name, run.trained, options);
    return run;
  }
  Tensor at_step(const std::string& name, int step) {
    const Tensor all = golden(*file_, name, *device_);
    Shape shape = all.shape();
    shape.erase(shape.begin());
    return all.slice(0, step, step + 1).reshape(shape);
  }
  // The greatest relative error of a leaf after any step, and which.
  template <class Rate>
  double worst(Course& run, const std::string& inputs, const std::string& paths, const Rate& rate) {
    double error = 0;
    for (int step = 0; step < kSteps; ++step) {
      for (const grad::Trained& t : run.trained)
        grad::set_gradient(t.leaf, at_step(inputs + t.name + ".gradients", step));
      run.optimizer->step(rate(step));
      for (const grad::Trained& t : run.trained)
        error = std::max(error, relative_error(t.leaf, at_step(paths + t.name + ".path", step)));
    }
    return error;
  }

  static double falling(int step) { return 1e-2 * (1 - static_cast<double>(step) / 100); }

  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 2});
  std::shared_ptr<const files::WeightSource> file_ =
      files::open_weights(golden_path("optimizer.safetensors"));
};

TEST_F(OptimizerKinds, AdafactorFollowsTransformers) {
  Course run = start("", "adafactor", {{"weight_decay", 0.1}});
  EXPECT_LE(worst(run, "", "adafactor.", falling), 1e-6);
}

TEST_F(OptimizerKinds, AdafactorFollowsTransformersWithItsOwnRate) {
  Course run = start("", "adafactor",
                     {{"weight_decay", 0.1},
                      {"beta1", 0.9},
                      {"clip_threshold", 0.5},
                      {"scale_parameter", 1},
                      {"relative_step", 1},
                      {"warmup_init", 1}});
  // The rate that is given does not count.
  EXPECT_LE(worst(run, "", "adafactor_scaled.", [](int) { return 1e9; }), 1e-6);
}

TEST_F(OptimizerKinds, LionFollowsThePaper) {
  Course run = start("", "lion", {{"weight_decay", 0.1}});
  EXPECT_LE(worst(run, "", "lion.", [](int step) { return falling(step) / 10; }), 1e-6);
}

TEST_F(OptimizerKinds, LionShowsWhatIsNotANumber) {
  Course run = start("", "lion", {});
  Tensor broken = Tensor::full(*device_, run.trained[1].leaf.shape(), 1);
  broken.data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  grad::set_gradient(run.trained[1].leaf, broken);
  run.optimizer->step(0.1);
  EXPECT_TRUE(std::isnan(run.trained[1].leaf.data<float>()[3]));
  EXPECT_TRUE(std::isfinite(run.trained[1].leaf.data<float>()[2]));
}

TEST_F(OptimizerKinds, ProdigyFollowsThePackage) {
  Course run = start("prodigy.", "prodigy", {{"weight_decay", 0.1}});
  EXPECT_LE(worst(run, "prodigy.", "prodigy.", [](int) { return 1.0; }), 1e-6);
  const Tensor d = golden(*file_, "prodigy.d", *device_);
  EXPECT_GT(d.data<float>()[kSteps - 1], 1);  // it has found its rate, from 10⁻⁶
  EXPECT_NEAR(run.optimizer->state().at("distance").data<double>()[0] / d.data<float>()[kSteps - 1], 1, 1e-5);
}

TEST_F(OptimizerKinds, ProdigyFollowsThePackageWithOptions) {
  Course run = start("prodigy_tuned.", "prodigy",
                     {{"weight_decay", 0.02},
                      {"decouple", 0},
                      {"d_coef", 2},
                      {"d0", 1e-4},
                      {"growth_rate", 1.5},
                      {"use_bias_correction", 1},
                      {"safeguard_warmup", 1}});
  EXPECT_LE(
      worst(run, "prodigy_tuned.", "prodigy_tuned.", [](int step) { return std::min(1.0, step / 10.0); }),
      1e-6);
}

// Without anyone's path to follow: it finds the bottom of a bowl by itself.
TEST_F(OptimizerKinds, ProdigyFindsItsRate) {
  Tensor leaf = Tensor::full(*device_, {100}, 0);
  ask_gradient(leaf);
  const Tensor bottom = random_tensor(*device_, {100}, 5, -3, 3);
  const auto optimizer = grad::make_prodigy({{"leaf", leaf}});
  for (int step = 0; step < 400; ++step) {
    Tensor gradient = Tensor::zeros(*device_, DType::kF32, {100});
    for (int i = 0; i < 100; ++i) gradient.data<float>()[i] = leaf.data<float>()[i] - bottom.data<float>()[i];
    grad::set_gradient(leaf, gradient);
    optimizer->step(1);
  }
  EXPECT_LE(relative_error(leaf, bottom), 0.01);
}

// What holds for each of them.
class AnyOptimizer : public testing::TestWithParam<std::string> {
 protected:
  // Leaves below and above the size from which moments are coded, of one to four dimensions.
  static std::vector<grad::Trained> leaves(Device& device) {
    std::vector<grad::Trained> trained;
    const std::vector<std::pair<std::string, Shape>> shapes{
        {"norm", {33}}, {"wide", {40000}}, {"matrix", {150, 161}}, {"kernel", {20, 30, 3, 3}}};
    std::uint64_t seed = 0;
    for (const auto& [name, shape] : shapes) {
      Tensor leaf = random_tensor(device, shape, ++seed);
      ask_gradient(leaf);
      trained.push_back({name, leaf, name == "kernel" ? 0.5 : 1, name != "norm"});
    }
    return trained;
  }
  static std::unique_ptr<grad::Optimizer> make(const std::vector<grad::Trained>& trained) {
    grad::OptimizerOptions options{{"weight_decay", 0.1}};
    if (GetParam() == "adafactor") options["beta1"] = 0.9;
    return grad::make_optimizer(GetParam(), trained, options);
  }
  static double rate() { return GetParam() == "prodigy" ? 1 : 1e-3; }
  static void advance(const std::vector<grad::Trained>& trained, grad::Optimizer& optimizer, int from,
                      int to) {
    for (int step = from; step < to; ++step) {
      std::uint64_t leaf = 0;
      for (const grad::Trained& t : trained) {
        const std::uint64_t seed = 100 + 10 * static_cast<std::uint64_t>(step) + leaf++;
        grad::set_gradient(t.leaf, random_tensor(t.leaf.device(), t.leaf.shape(), seed, -0.8f, 1));
      }
      optimizer.step(rate());
    }
  }
  static void expect_equal(const std::vector<grad::Trained>& a, const std::vector<grad::Trained>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(std::memcmp(a[i].leaf.raw(), b[i].leaf.raw(), static_cast<std::size_t>(a[i].leaf.bytes())), 0)
          << a[i].name;
    }
  }
};

TEST_P(AnyOptimizer, GoesOnFromItsFileBitForBit) {
  const auto device = ops::make_cpu_device({.threads = 2});
  const auto straight = leaves(*device), first = leaves(*device), second = leaves(*device);
  const auto a = make(straight), b = make(first), c = make(second);
  advance(straight, *a, 0, 9);
  advance(first, *b, 0, 4);
  TempDir folder;
  std::vector<files::TensorToWrite> written;
  for (const auto& [name, tensor] : b->state()) written.push_back(files::to_write(name, tensor));
  files::write_safetensors(folder.path() / "state.safetensors", std::move(written));
  const auto source = files::open_weights(folder.path() / "state.safetensors");
  std::map<std::string, Tensor> state;
  for (const auto& entry : source->tensors())
    state.emplace(entry.name, ops::copied(files::WeightSource::view(entry, *device)));
  c->load_state(state);
  for (std::size_t i = 0; i < first.size(); ++i) {
    Tensor to = second[i].leaf;
    std::copy_n(first[i].leaf.data<float>(), to.count(), to.data<float>());
  }
  advance(second, *c, 4, 9);
  expect_equal(second, straight);
  for (const auto& [name, tensor] : state) {
    auto torn = state;
    torn.erase(name);
    EXPECT_THROW(c->load_state(torn), Error) << name << " missing";
    torn = state;
    torn[name] = Tensor::zeros(*device, DType::kF32, {1, 1, 7});
    EXPECT_THROW(c->load_state(torn), Error) << name << " of another shape";
    torn[name] = Tensor::zeros(*device, DType::kI32, tensor.shape());
    EXPECT_THROW(c->load_state(torn), Error) << name << " of another dtype";
  }
}

// What is told before a run is what it will be, but for sums by row and column and scales of blocks.
TEST_P(AnyOptimizer, RemembersAsManyBytesAsItSays) {
  const auto device = ops::make_cpu_device({.threads = 2});
  const std::int64_t numbers = 512 * 768;
  Tensor leaf = random_tensor(*device, {512, 768}, 1);
  ask_gradient(leaf);
  const auto optimizer = grad::make_optimizer(GetParam(), {{"leaf", leaf}});
  grad::set_gradient(leaf, random_tensor(*device, leaf.shape(), 2));
  optimizer->step(1e-3);
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : optimizer->state()) bytes += tensor.bytes();
  EXPECT_GE(bytes, grad::bytes_a_weight(GetParam()) * numbers);
  EXPECT_LE(bytes, grad::bytes_a_weight(GetParam()) * numbers + numbers / 8);
}

TEST_P(AnyOptimizer, DoesNotDependOnTheNumberOfThreads) {
  const auto one = ops::make_cpu_device({.threads = 1}), three = ops::make_cpu_device({.threads = 3});
  const auto alone = leaves(*one), together = leaves(*three);
  const auto a = make(alone), b = make(together);
  advance(alone, *a, 0, 5);
  advance(together, *b, 0, 5);
  expect_equal(alone, together);
  EXPECT_EQ(grad::gradient_norm(alone), grad::gradient_norm(together));
}

TEST_P(AnyOptimizer, LeavesWithoutAGradientStayAndRatesAreTheirOwn) {
  const auto device = ops::make_cpu_device({.threads = 2});
  auto trained = leaves(*device);
  trained[0].rate = 0;
  const auto before = leaves(*device);
  const auto optimizer = make(trained);
  for (const std::size_t i : {0u, 2u}) {
    grad::set_gradient(trained[i].leaf, random_tensor(*device, trained[i].leaf.shape(), 9));
  }
  optimizer->step(rate());
  EXPECT_EQ(relative_error(trained[0].leaf, before[0].leaf), 0);
  EXPECT_EQ(relative_error(trained[1].leaf, before[1].leaf), 0);
  EXPECT_GT(relative_error(trained[2].leaf, before[2].leaf), 0);
  EXPECT_EQ(relative_error(trained[3].leaf, before[3].leaf), 0);
}

INSTANTIATE_TEST_SUITE_P(ByName, AnyOptimizer, testing::ValuesIn(grad::optimizer_names()),
                         [](const auto& each) { return each.param; });

TEST(OptimizerNames, OthersAreRefusedNamingWhatThereIs) {
  EXPECT_EQ(grad::optimizer_names(),
            (std::vector<std::string>{"adafactor", "adamw", "adamw8bit", "lion", "prodigy"}));
  const auto refusal = [](const char* name, const grad::OptimizerOptions& options) -> std::string {
    try {
      grad::make_optimizer(name, {}, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "";
  };
  for (const std::string& name : grad::optimizer_names()) {
    EXPECT_NE(refusal("sgd", {}).find(name), std::string::npos) << name;
    EXPECT_EQ(refusal(name.c_str(), {{"weight_decay", 0.1}}), "") << name;
    EXPECT_NE(refusal(name.c_str(), {{"weight_decay", NAN}}), "") << name;
    EXPECT_NE(refusal(name.c_str(), {{"beta1", 1}}), "") << name;
    EXPECT_NE(refusal(name.c_str(), {{"momentum", 1}}).find("weight_decay"), std::string::npos) << name;
  }
  EXPECT_NE(refusal("AdamW8", {}).find("Did you mean"), std::string::npos);
  EXPECT_NE(refusal("prodigy", {{"decouple", 0.5}}), "");
  EXPECT_NE(refusal("prodigy", {{"growth_rate", 0.9}}), "");
  EXPECT_NE(refusal("prodigy", {{"d0", 0}}), "");
  EXPECT_NE(refusal("adafactor", {{"warmup_init", 1}}).find("relative_step"), std::string::npos);
}

}  // namespace
}  // namespace dq::test
