// LoRAs beside the small model against what diffusers and peft compute with the same file
// (tests/golden/make_lora.py).
#include "pipeline/loras.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "files/safetensors_write.h"
#include "models/tiny_model.h"
#include "ops/devices.h"
#include "pipeline/request.h"
#include "support/golden.h"
#include "weights/adapters/kinds.h"
#include "weights/component_set.h"

namespace dq::test {
namespace {

using models::ModelPart;
using pipeline::attach_lora;

class Loras : public testing::Test {
 protected:
  Loras() { files_.main = tiny_original(); }

  Tensor run(const models::Denoiser& unet) {
    models::DenoiserInput input;
    input.x = golden(*golden_, "x", *device_);
    input.timesteps = {500};
    input.context = golden(*golden_, "context", *device_);
    return unet(input);
  }
  std::unique_ptr<models::Denoiser> unet() {
    return family_.load_denoiser(files_, *family_.detect(files_.main), *device_);
  }
  pipeline::LoraFit attach(const models::Denoiser& unet, double strength, const weights::TensorTable& file) {
    return attach_lora(file, family_, ModelPart::kDenoiser, unet.parameters(), strength, *device_);
  }

  const models::Family& family_ = *models::families()[0];
  std::unique_ptr<Device> device_ = ops::make_cpu_device();
  weights::ComponentSet files_;
  std::shared_ptr<const files::WeightSource> golden_ =
      files::open_weights(golden_path("models/lora_unet.safetensors"));
  weights::TensorTable lora_ = weights::open_table(golden_path("models/lora.safetensors"));
};

TEST_F(Loras, PaintWhatDiffusersPaints) {
  const auto unet_ = unet();
  EXPECT_LE(relative_error(run(*unet_), golden(*golden_, "plain", *device_)), 1e-4);
  const pipeline::LoraFit fit = attach(*unet_, 1, lora_);
  EXPECT_EQ(fit.modules, 192u);
  EXPECT_TRUE(fit.unmatched.empty());
  EXPECT_LE(relative_error(run(*unet_), golden(*golden_, "full", *device_)), 1e-4);
  pipeline::detach_all(unet_->parameters());
  attach(*unet_, 0.6, lora_);
  EXPECT_LE(relative_error(run(*unet_), golden(*golden_, "part", *device_)), 1e-4);
  // Two at once add up.
  pipeline::detach_all(unet_->parameters());
  attach(*unet_, 0.25, lora_);
  attach(*unet_, 0.75, lora_);
  EXPECT_LE(relative_error(run(*unet_), golden(*golden_, "full", *device_)), 1e-4);
}

TEST_F(Loras, WithoutStrengthOrTakenOffNothingIsLeft) {
  const auto unet_ = unet();
  const Tensor plain = run(*unet_);
  attach(*unet_, 0, lora_);
  EXPECT_EQ(relative_error(run(*unet_), plain), 0);
  attach(*unet_, 1, lora_);
  EXPECT_GT(relative_error(run(*unet_), plain), 0.1);
  pipeline::detach_all(unet_->parameters());
  EXPECT_EQ(relative_error(run(*unet_), plain), 0);
}

TEST_F(Loras, TheTextEncodersPartIsForTheTextEncoder) {
  auto texts = tiny_folder().texts();
  texts["tokenizer/merges.txt"] = tiny_merges();
  files_.main.set_texts(texts);
  const auto encoder = family_.load_text_encoder(files_, *device_);
  const Tensor plain = (*encoder)({}, "a cat", {}, 1).context;
  const pipeline::LoraFit fit =
      attach_lora(lora_, family_, ModelPart::kTextEncoder, encoder->parameters(), 1, *device_);
  EXPECT_EQ(fit.modules, 24u);  // 4 layers of 6 matrices
  EXPECT_TRUE(fit.unmatched.empty());
  EXPECT_GT(relative_error((*encoder)({}, "a cat", {}, 1).context, plain), 0.01);
}

TEST_F(Loras, WhatDoesNotFitIsToldAndLeavesTheModelAsItWas) {
  const auto unet_ = unet();
  const Tensor plain = run(*unet_);
  const std::string module = "lora_unet_down_blocks_0_attentions_0_proj_in";
  const auto without = [&](const std::string& gone) {
    return lora_.renamed([&](std::string_view name) -> std::optional<std::string> {
      return name == gone ? std::nullopt : std::optional(std::string(name));
    });
  };
  EXPECT_THROW(attach(*unet_, 1, without(module + ".lora_up.weight")), Error);
  // A missing alpha is the rank.
  EXPECT_EQ(attach(*unet_, 1, without(module + ".alpha")).modules, 192u);
  pipeline::detach_all(unet_->parameters());
  // Another layer's shape.
  weights::TensorTable odd = without(module + ".lora_down.weight");
  odd.insert(module + ".lora_down.weight",
             *lora_.find("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"));
  EXPECT_THROW(attach(*unet_, 1, odd), Error);
  // Modules without a layer are listed; other kinds of adapter are refused whole.
  weights::TensorTable more = lora_;
  for (const char* end : {".lora_down.weight", ".lora_up.weight", ".alpha"}) {
    more.insert(std::string("lora_unet_nowhere") + end, *lora_.find(module + end));
  }
  EXPECT_EQ(attach(*unet_, 1, more).unmatched, std::vector<std::string>{"lora_unet_nowhere"});
  pipeline::detach_all(unet_->parameters());
  more.insert("lora_unet_x.what_is_this", *lora_.find(module + ".alpha"));
  EXPECT_THROW(attach(*unet_, 1, more), Error);
  EXPECT_THROW(attach(*unet_, 1, tiny_original()), Error);
  EXPECT_EQ(relative_error(run(*unet_), plain), 0);
}

// Each kind against LyCORIS's own merged weights (tests/golden/make_adapters.py), and their strengths.
TEST_F(Loras, RelativesPaintWhatLyCorisPaints) {
  const auto golden_file = files::open_weights(golden_path("models/adapters_unet.safetensors"));
  models::DenoiserInput input;
  input.x = golden(*golden_file, "x", *device_);
  input.timesteps = {500};
  input.context = golden(*golden_file, "context", *device_);
  const auto unet_ = unet();
  const Tensor plain = (*unet_)(input);
  EXPECT_LE(relative_error(plain, golden(*golden_file, "plain", *device_)), 1e-4);
  for (const std::string kind : {"loha", "lokr", "dora", "dora_columns", "oft"}) {
    const weights::TensorTable file = weights::open_table(golden_path("models/" + kind + ".safetensors"));
    const Tensor theirs = golden(*golden_file, kind, *device_);
    EXPECT_GT(relative_error(plain, theirs), 0.05) << kind;
    const pipeline::LoraFit fit = attach(*unet_, 1, file);
    EXPECT_EQ(fit.modules, 72u) << kind;
    EXPECT_TRUE(fit.unmatched.empty()) << kind;
    EXPECT_LE(relative_error((*unet_)(input), theirs), 1e-4) << kind;
    EXPECT_LE(relative_error((*unet_)(input), theirs), 1e-4) << kind << ", with the weight of the first use";
    pipeline::detach_all(unet_->parameters());
    EXPECT_EQ(relative_error((*unet_)(input), plain), 0) << kind;
    // Half of it is nearer to the base than all of it.
    attach(*unet_, 0.5, file);
    const double half = relative_error((*unet_)(input), plain);
    EXPECT_GT(half, 0.01) << kind;
    EXPECT_LT(half, 0.9 * relative_error(theirs, plain)) << kind;
    pipeline::detach_all(unet_->parameters());
  }
}

// The same LoRA under diffusers' and ComfyUI's names, with peft's tensors.
TEST_F(Loras, AreReadUnderEveryProgramsNames) {
  const auto unet_ = unet();
  const Tensor theirs = golden(*golden_, "full", *device_);
  std::map<std::string, std::string> names[2];
  using models::AdapterNames;
  for (const auto& [name, parameter] : unet_->parameters()) {
    const auto module = [&](AdapterNames style) {
      return family_.adapter_module(ModelPart::kDenoiser, name, style);
    };
    names[0][module(AdapterNames::kSdScripts)] = module(AdapterNames::kDiffusers);
    names[1][module(AdapterNames::kSdScripts)] = module(AdapterNames::kComfy);
  }
  for (const auto& style : names) {
    const weights::TensorTable file = lora_.renamed([&](std::string_view name) -> std::optional<std::string> {
      const auto apart = weights::adapter_tensor_name(name);
      const auto module = style.find(apart->module);
      if (module == style.end()) return std::nullopt;  // the text encoder's
      const std::string part = apart->part == "lora_up.weight"     ? "lora_B.weight"
                               : apart->part == "lora_down.weight" ? "lora_A.weight"
                                                                   : apart->part;
      return module->second + "." + part;
    });
    EXPECT_EQ(attach(*unet_, 1, file).modules, 192u);
    EXPECT_LE(relative_error(run(*unet_), theirs), 1e-4);
    pipeline::detach_all(unet_->parameters());
  }
}

TEST(LoraRequest, GoesThroughJson) {
  pipeline::Request request;
  request.loras = {{"cat.safetensors", 0.8, "abc"}, {"style.safetensors", -1, ""}};
  EXPECT_EQ(pipeline::request_from_json(pipeline::to_json(request)).loras, request.loras);
  EXPECT_THROW(pipeline::request_from_json(R"({"version": 1, "loras": 7})"), Error);
  EXPECT_THROW(pipeline::request_from_json(R"({"version": 1, "loras": [1]})"), Error);
}

}  // namespace
}  // namespace dq::test
