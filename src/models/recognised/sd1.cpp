// Stable Diffusion 1.x (Rombach et al. 2022) and what was made for it.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"sd2", "sdxl"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "",
     "input_blocks.0.0.weight[1]=4 input_blocks.1.1.proj_in.weight[]=4 input_blocks.3.0.op.weight "
     "out.2.weight[0]=4 !label_emb.* !*time_stack*"},
    {Role::kDenoiser, "inpainting",
     "input_blocks.0.0.weight[1]=9 input_blocks.1.1.proj_in.weight[]=4 out.2.weight[0]=4 !label_emb.*"},
    {Role::kDenoiser, "instruct-pix2pix",
     "input_blocks.0.0.weight[1]=8 input_blocks.1.1.proj_in.weight[]=4 out.2.weight[0]=4 !label_emb.*",
     "Zero123 has the same U-Net"},
    {Role::kDenoiser, "small (one residual block a level)",
     "input_blocks.0.0.weight[1]=4 input_blocks.1.1.proj_in.weight[]=4 input_blocks.2.0.op.weight "
     "out.2.weight[0]=4 !label_emb.*"},
    {Role::kDenoiser, "SDXS",
     "input_blocks.0.0.weight[1]=4 !input_blocks.1.1.* input_blocks.2.0.op.weight "
     "input_blocks.3.1.proj_in.weight[]=4 "
     "!label_emb.*"},
};

constexpr Mark kMarks[] = {
    {"*time_embedding.cond_proj.weight|*time_embed.cond_proj.weight", "LCM (guidance embedded)", ""},
    {"v_pred ztsnr", "zero terminal SNR", "v"},
    {"v_pred", "", "v"},
};

constexpr Signature kAddOns[] = {
    {Role::kControlNet, "SparseCtrl", "*controlnet_cond_embedding* *motion_modules.*"},
    {Role::kControlNet, "", "*zero_convs.0.0.weight *input_hint_block.0.weight *attn2.to_k.weight[1]=768"},
    {Role::kControlNet, "",
     "*controlnet_down_blocks.0.weight *controlnet_cond_embedding.conv_in.weight *attn2.to_k.weight[1]=768"},
    {Role::kControlNet, "BrushNet",
     "brushnet_down_blocks.11.weight !brushnet_down_blocks.12.weight *brushnet_mid_block*"},
    {Role::kT2iAdapter, "style", "*style_embedding *transformer_layes.0.*|*transformer_layers.0.*"},
    {Role::kT2iAdapter, "", "*body.0.block1.weight|*body.0.resnets.0.block1.weight *conv_in.weight[1]=192"},
    {Role::kT2iAdapter, "grey input",
     "*body.0.block1.weight|*body.0.resnets.0.block1.weight *conv_in.weight[1]=64"},
    {Role::kT2iAdapter, "light",
     "*body.0.in_conv.weight[1]=192|*body.0.in_conv.weight[1]=64 "
     "*body.0.body.0.block1.weight|*body.0.resnets.0.block1.weight"},
    {Role::kIpAdapter, "FaceID Plus", "image_proj.perceiver_resampler.* *to_k_ip.weight[1]=768"},
    {Role::kIpAdapter, "FaceID", "image_proj.proj.0.weight[1]=512 *to_k_ip.weight[1]=768"},
    {Role::kIpAdapter, "Full Face", "image_proj.proj.3.weight *to_k_ip.weight[1]=768"},
    {Role::kIpAdapter, "Plus", "image_proj.latents *to_k_ip.weight[1]=768"},
    {Role::kIpAdapter, "", "image_proj.proj.weight *to_k_ip.weight[1]=768"},
    {Role::kMotionModule, "AnimateDiff v2",
     "*mid_block.motion_modules.0.* *down_blocks.3.motion_modules.0.*"},
    {Role::kMotionModule, "AnimateDiff v1",
     "*down_blocks.3.motion_modules.0.* !*mid_block.motion_modules.* "
     "*pos_encoder.pe[1]=24|*pos_embed.pe[1]=24"},
    {Role::kMotionModule, "AnimateDiff v3", "*down_blocks.3.motion_modules.0.* !*mid_block.motion_modules.*"},
};

// Level 0 has attention only here and in 2.x; there the projections around it are matrices.
constexpr Signature kAdapters[] = {
    {Role::kAdapter, "AnimateDiff motion", "*motion_modules_*"},
    {Role::kAdapter, "", "*attn2_to_k[1]=768|*attn2_to_v[1]=768 !transformer_blocks_*"},
    {Role::kAdapter, "", "*proj_in[]=4"},
    {Role::kAdapter, "",
     "te:*self_attn_*[1]=768|te:*mlp_fc1[1]=768 !te2:* !double_blocks_* !transformer_blocks_*"},
    {Role::kAdapter, "",
     "down_blocks_0_attentions_*|input_blocks_1_1_* !*attn2_to_k[1]=1024 !*attn2_to_v[1]=1024 !te:*[1]=1024",
     "without cross-attention in the file, 1.x and 2.x cannot be told apart"},
};

}  // namespace

constinit const Ecosystem kSd1{
    .id = "sd1",
    .title = "Stable Diffusion 1.x",
    .prediction = "eps",
    .prediction_certain = false,
    .shape_note = "a U-Net that reads 768 numbers a text token (CLIP-L)",
    .companions = "a 4-channel VAE and the CLIP-L text encoder",
    .diffusers = "conv_in.weight down_blocks.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = kAddOns,
    .adapters = kAdapters,
    .marks = kMarks,
};

}  // namespace dq::models::recognised
