// Control nets beside the small U-Net against what diffusers computes (tests/golden/make_control.py).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "grad/losses.h"
#include "grad/tape.h"
#include "models/control.h"
#include "models/tiny_model.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "support/golden.h"
#include "weights/component_set.h"

namespace dq::test {
namespace {

using weights::Purpose;
using weights::TensorTable;

constexpr double kSinglePass = 1e-4, kGradient = 1e-4;

TensorTable diffusers_net() {
  return weights::open_table(golden_path("models/control/net.safetensors"));
}

// The names of the original's files, with their prefix.
TensorTable original_net(const std::string& prefix) {
  std::ifstream file(golden_path("models/control/original_names.json"));
  const TensorTable net = diffusers_net();
  TensorTable table;
  table.set_origin("control.pth");
  const nlohmann::json names = nlohmann::json::parse(file);
  for (const auto& [original, name] : names.items())
    table.insert(prefix + original, *net.find(name.get<std::string>()));
  return table;
}

class ControlNets : public testing::Test {
 protected:
  ControlNets() { files_.main = tiny_original(); }

  Tensor stored(const std::string& name) { return golden(*golden_, name, *device_); }
  std::unique_ptr<models::Denoiser> unet(Purpose purpose = Purpose::kPaint) {
    return family_.load_denoiser(files_, *family_.detect(files_.main), *device_, purpose);
  }
  std::unique_ptr<models::ControlNet> load(const TensorTable& file, Purpose purpose = Purpose::kPaint) {
    return family_.load_control_net(file, files_, *device_, purpose);
  }
  models::DenoiserInput input() {
    models::DenoiserInput out;
    out.x = stored("x");
    out.timesteps = {501};
    out.context = stored("context");
    return out;
  }
  Tensor run(const models::Denoiser& unet, const std::vector<models::Control>& controls) {
    models::DenoiserInput in = input();
    in.controls = controls;
    return unet(in);
  }

  const models::Family& family_ = *models::families()[0];
  std::unique_ptr<Device> device_ = ops::make_cpu_device();
  weights::ComponentSet files_;
  std::shared_ptr<const files::WeightSource> golden_ =
      files::open_weights(golden_path("models/control/net_unet.safetensors"));
};

TEST_F(ControlNets, AddWhatDiffusersAddsFromEveryLayout) {
  for (const TensorTable& file : {diffusers_net(), original_net(""), original_net("control_model.")}) {
    const auto net = load(file);
    const std::vector<Tensor> added = (*net)(input(), net->encode(stored("hint.a")));
    ASSERT_EQ(added.size(), 13u);
    for (std::size_t i = 0; i < added.size(); ++i)
      EXPECT_LE(relative_error(added[i], stored(fmt::format("added.{:02}", i))), kSinglePass) << i;
  }
}

TEST_F(ControlNets, TheUnetFollowsOneOrSeveral) {
  const auto denoiser = unet();
  const auto net = load(diffusers_net());
  const Tensor a = net->encode(stored("hint.a")), b = net->encode(stored("hint.b"));
  EXPECT_LE(relative_error(run(*denoiser, {}), stored("plain")), kSinglePass);
  EXPECT_LE(relative_error(run(*denoiser, {{net.get(), a, 1}}), stored("one")), kSinglePass);
  EXPECT_LE(relative_error(run(*denoiser, {{net.get(), a, 0.7}, {net.get(), b, 0.4}}), stored("both")),
            kSinglePass);
  // A picture for every latent.
  EXPECT_LE(relative_error(run(*denoiser, {{net.get(), ops::concat({a, a}, 0), 1}}), stored("one")),
            kSinglePass);
}

TEST_F(ControlNets, FollowSizesThatAreNoMultipleOfEight) {
  const auto denoiser = unet();
  const auto net = load(diffusers_net());
  models::DenoiserInput in = input();
  in.x = stored("ragged.x");
  in.context = ops::contiguous(in.context.slice(0, 0, 1));
  const std::vector<models::Control> controls{{net.get(), net->encode(stored("ragged.hint")), 1}};
  in.controls = controls;
  EXPECT_LE(relative_error((*denoiser)(in), stored("ragged.out")), kSinglePass);
}

TEST_F(ControlNets, LearnAsPyTorchTeachesThem) {
  const auto denoiser = unet(Purpose::kAdapt);
  const auto net = load(original_net(""), Purpose::kTrain);
  const Tensor out = run(*denoiser, {{net.get(), net->encode(stored("hint.a")), 1}});
  const grad::LossAndGradient loss = grad::loss(out.detached(), stored("target"));
  EXPECT_NEAR(loss.value, stored("loss").data<float>()[0], 1e-5 * loss.value);
  grad::backward(out, loss.gradient);
  int compared = 0;
  for (const auto& [name, parameter] : net->parameters()) {
    const Tensor got = grad::gradient(parameter->value);
    ASSERT_TRUE(got.defined()) << name;
    if (!golden_->find("gradient." + name)) continue;
    EXPECT_LE(relative_error(got, stored("gradient." + name)), kGradient) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 12);
  for (const auto& [name, parameter] : denoiser->parameters())
    EXPECT_FALSE(parameter->value.defined() && parameter->value.grad_node()) << name;
}

ErrorCode refusal(const std::function<void()>& work, std::string& what) {
  try {
    work();
  } catch (const Error& error) {
    what = error.what();
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST_F(ControlNets, WrongFilesAreTold) {
  std::string what;
  EXPECT_EQ(refusal([&] { load(tiny_original()); }, what), ErrorCode::kUnsupported);
  EXPECT_NE(what.find("no control net"), std::string::npos) << what;
  // One for a model with another text encoder.
  const TensorTable whole = diffusers_net();
  TensorTable other;
  other.set_origin("other.safetensors");
  for (auto [name, entry] : whole.entries()) {
    if (name.ends_with("attn2.to_k.weight") || name.ends_with("attn2.to_v.weight")) entry.shape[1] = 32;
    other.insert(name, entry);
  }
  EXPECT_EQ(refusal([&] { load(other); }, what), ErrorCode::kUnsupported);
  EXPECT_NE(what.find("another model"), std::string::npos) << what;
  TensorTable difference = original_net("");
  difference.insert("difference", *difference.find("zero_convs.0.0.bias"));
  EXPECT_EQ(refusal([&] { load(difference); }, what), ErrorCode::kUnsupported);
  EXPECT_NE(what.find("differences"), std::string::npos) << what;
  TensorTable half;
  for (const auto& [name, entry] : whole.entries()) {
    if (name != "controlnet_down_blocks.3.weight") half.insert(name, entry);
  }
  EXPECT_EQ(refusal([&] { load(half); }, what), ErrorCode::kBadFile);
  EXPECT_NE(what.find("zero_convs.3.0.weight"), std::string::npos) << what;
}

TEST_F(ControlNets, AHintOfAnotherSizeIsRefused) {
  const auto denoiser = unet();
  const auto net = load(diffusers_net());
  const Tensor hint = net->encode(stored("ragged.hint"));
  std::string what;
  EXPECT_EQ(refusal([&] { run(*denoiser, {{net.get(), hint, 1}}); }, what), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace dq::test
