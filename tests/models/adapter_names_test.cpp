// The names that sd-scripts gives the modules of an SD 1.x LoRA: 192 of the U-Net and 72 of the text encoder,
// and those of convolutions, all derived from canonical parameter names.
#include <gtest/gtest.h>

#include <set>

#include "models/family.h"
#include "models/tiny_model.h"
#include "models/unet/names.h"

namespace dq::test {
namespace {

using models::ModelPart;

std::string module(const std::string& parameter, ModelPart part = ModelPart::kDenoiser,
                   models::AdapterNames names = models::AdapterNames::kSdScripts) {
  return models::families()[0]->adapter_module(part, parameter, names);
}

TEST(AdapterNames, SinglesOut) {
  EXPECT_EQ(module("input_blocks.1.1.proj_in.weight"), "lora_unet_down_blocks_0_attentions_0_proj_in");
  EXPECT_EQ(module("input_blocks.8.1.transformer_blocks.0.attn2.to_out.0.weight"),
            "lora_unet_down_blocks_2_attentions_1_transformer_blocks_0_attn2_to_out_0");
  EXPECT_EQ(module("middle_block.1.transformer_blocks.0.ff.net.0.proj.weight"),
            "lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj");
  EXPECT_EQ(module("output_blocks.3.1.transformer_blocks.0.attn1.to_q.weight"),
            "lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q");
  EXPECT_EQ(module("output_blocks.11.1.proj_out.weight"), "lora_unet_up_blocks_3_attentions_2_proj_out");
  EXPECT_EQ(module("input_blocks.3.0.op.weight"), "lora_unet_down_blocks_0_downsamplers_0_conv");
  EXPECT_EQ(module("output_blocks.2.1.conv.weight"), "lora_unet_up_blocks_0_upsamplers_0_conv");
  EXPECT_EQ(module("output_blocks.5.2.conv.weight"), "lora_unet_up_blocks_1_upsamplers_0_conv");
  EXPECT_EQ(module("output_blocks.4.0.skip_connection.weight"),
            "lora_unet_up_blocks_1_resnets_1_conv_shortcut");
  EXPECT_EQ(module("middle_block.2.in_layers.2.weight"), "lora_unet_mid_block_resnets_1_conv1");
  EXPECT_EQ(module("time_embed.0.weight"), "lora_unet_time_embedding_linear_1");
  EXPECT_EQ(module("out.2.weight"), "lora_unet_conv_out");
  EXPECT_EQ(module("encoder.layers.3.self_attn.q_proj.weight", ModelPart::kTextEncoder),
            "lora_te_text_model_encoder_layers_3_self_attn_q_proj");
  EXPECT_EQ(module("input_blocks.1.1.proj_in.bias"), "");
  EXPECT_EQ(module("what.is.this.weight"), "");
}

TEST(AdapterNames, FollowDiffusersAndComfyToo) {
  using enum models::AdapterNames;
  const std::string linear = "output_blocks.3.1.transformer_blocks.0.attn1.to_q.weight",
                    text = "encoder.layers.3.self_attn.q_proj.weight";
  EXPECT_EQ(module(linear, ModelPart::kDenoiser, kDiffusers),
            "unet.up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q");
  EXPECT_EQ(module(linear, ModelPart::kDenoiser, kComfy),
            "diffusion_model.output_blocks.3.1.transformer_blocks.0.attn1.to_q");
  EXPECT_EQ(module(text, ModelPart::kTextEncoder, kDiffusers),
            "text_encoder.text_model.encoder.layers.3.self_attn.q_proj");
  EXPECT_EQ(module(text, ModelPart::kTextEncoder, kComfy),
            "text_encoders.clip_l.transformer.text_model.encoder.layers.3.self_attn.q_proj");
}

// Every parameter of the small model (whose graph is the real one's) gets a name of its own, the one its
// folder has.
TEST(AdapterNames, AgreeWithDiffusers) {
  const weights::TensorTable folder = tiny_folder().under("unet."),
                             canonical = models::unet::locate(tiny_folder());
  std::set<std::string> names;
  int transformer = 0;
  for (const auto& [name, entry] : canonical.entries()) {
    const auto theirs = models::unet::diffusers_name(name, 2);
    ASSERT_TRUE(theirs) << name;
    const files::TensorEntry* there = folder.find(*theirs);
    ASSERT_TRUE(there) << name << " → " << *theirs;
    EXPECT_EQ(there->offset, entry.offset) << name;
    names.insert(*theirs);
    transformer += entry.shape.size() >= 2 && theirs->find(".attentions.") != std::string::npos;
  }
  EXPECT_EQ(names.size(), canonical.size());
  EXPECT_EQ(transformer, 192);
}

}  // namespace
}  // namespace dq::test
