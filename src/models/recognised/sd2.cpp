// Stable Diffusion 2.x: the U-Net of 1.x with matrices around its attention and OpenCLIP-H text, 1024 wide.
#include <fmt/format.h>

#include <cmath>

#include "models/recognised/ecosystem.h"
#include "models/recognised/numbers.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"sd1", "sdxl"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "unCLIP (ViT-H)",
     "input_blocks.1.1.proj_in.weight[]=2 label_emb.0.0.weight[1]=2048 input_blocks.0.0.weight[1]=4"},
    {Role::kDenoiser, "unCLIP (ViT-L)",
     "input_blocks.1.1.proj_in.weight[]=2 label_emb.0.0.weight[1]=1536 input_blocks.0.0.weight[1]=4"},
    {Role::kDenoiser, "x4 upscaler", "input_blocks.0.0.weight[1]=7 *proj_in.weight[]=2 out.2.weight[0]=4"},
    {Role::kDenoiser, "inpainting",
     "input_blocks.1.1.proj_in.weight[]=2 input_blocks.0.0.weight[1]=9 !label_emb.0.0.weight"},
    {Role::kDenoiser, "depth",
     "input_blocks.1.1.proj_in.weight[]=2 input_blocks.0.0.weight[1]=5 !label_emb.0.0.weight"},
    {Role::kDenoiser, "",
     "input_blocks.1.1.proj_in.weight[]=2 input_blocks.0.0.weight[1]=4 out.2.weight[0]=4 !label_emb.* "
     "!*time_stack*",
     "2.0, 2.1 and SD-Turbo have the same tensors"},
};

constexpr Mark kMarks[] = {{"v_pred", "", "v"}};

constexpr Signature kAddOns[] = {
    {Role::kControlNet, "", "*zero_convs.0.0.weight *input_hint_block.0.weight *attn2.to_k.weight[1]=1024"},
    {Role::kControlNet, "",
     "*controlnet_down_blocks.0.weight *controlnet_cond_embedding.conv_in.weight *attn2.to_k.weight[1]=1024"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "*attn2_to_k[1]=1024|*attn2_to_v[1]=1024 !transformer_blocks_*"},
    {Role::kAdapter, "", "te:*self_attn_*[1]=1024|te:*mlp_fc1[1]=1024 !te2:*"},
};

// With ε-prediction the last block's first norm bias stays small; with v it does not. ComfyUI's test: a
// population standard deviation above 0.09 means v.
void measure(const weights::TensorTable& denoiser, Recognition& found) {
  constexpr std::string_view kBias = "output_blocks.11.1.transformer_blocks.0.norm1.bias";
  if (found.variant == "inpainting") {
    found.prediction = "eps";
    found.prediction_certain = true;
    found.prediction_why = "inpainting models of this family predict the noise";
    return;
  }
  const files::TensorEntry* entry = denoiser.find(kBias);
  const std::vector<float> bias = entry ? read_numbers(*entry, 4096) : std::vector<float>{};
  if (bias.empty()) return;
  double mean = 0, variance = 0;
  for (const float b : bias) mean += b;
  mean /= static_cast<double>(bias.size());
  for (const float b : bias) variance += (b - mean) * (b - mean);
  const double deviation = std::sqrt(variance / static_cast<double>(bias.size()));
  if (!std::isfinite(deviation)) return;
  found.prediction = deviation > 0.09 ? "v" : "eps";
  found.prediction_certain = true;
  found.prediction_why = fmt::format("the spread of {} is {:.3f}; above 0.09 means v", kBias, deviation);
}

}  // namespace

constinit const Ecosystem kSd2{
    .id = "sd2",
    .title = "Stable Diffusion 2.x",
    .prediction = "unknown",
    .prediction_certain = false,
    .shape_note = "a U-Net that reads 1024 numbers a text token (OpenCLIP-H)",
    .companions = "a 4-channel VAE and the OpenCLIP-H text encoder",
    .diffusers = "conv_in.weight down_blocks.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = kAddOns,
    .adapters = kAdapters,
    .marks = kMarks,
    .measure = measure,
};

}  // namespace dq::models::recognised
