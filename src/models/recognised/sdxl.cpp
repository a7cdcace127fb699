// Stable Diffusion XL (Podell et al. 2023), its refiner, and the smaller U-Nets distilled from it.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"sd1", "sd2", "flux1"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "refiner", "label_emb.0.0.weight[1]=2560 input_blocks.4.1.transformer_blocks.3.*"},
    {Role::kDenoiser, "KOALA-700M",
     "label_emb.0.0.weight[1]=2816 input_blocks.5.1.transformer_blocks.4.* "
     "!input_blocks.5.1.transformer_blocks.5.*"},
    {Role::kDenoiser, "KOALA-1B",
     "label_emb.0.0.weight[1]=2816 input_blocks.5.1.transformer_blocks.5.* "
     "!input_blocks.5.1.transformer_blocks.6.*"},
    {Role::kDenoiser, "SSD-1B",
     "label_emb.0.0.weight[1]=2816 input_blocks.7.1.transformer_blocks.3.* "
     "!input_blocks.7.1.transformer_blocks.4.*"},
    {Role::kDenoiser, "Segmind Vega",
     "label_emb.0.0.weight[1]=2816 input_blocks.7.1.transformer_blocks.1.* "
     "!input_blocks.7.1.transformer_blocks.2.*"},
    {Role::kDenoiser, "inpainting",
     "label_emb.0.0.weight[1]=2816 input_blocks.0.0.weight[1]=9 input_blocks.7.1.transformer_blocks.9.*"},
    {Role::kDenoiser, "instruct-pix2pix",
     "label_emb.0.0.weight[1]=2816 input_blocks.0.0.weight[1]=8 input_blocks.7.1.transformer_blocks.9.*"},
    {Role::kDenoiser, "",
     "label_emb.0.0.weight[1]=2816 input_blocks.0.0.weight[1]=4 input_blocks.7.1.transformer_blocks.9.*",
     "Pony, Illustrious, NoobAI, Animagine, Turbo, Lightning, Hyper and DMD2 have the same tensors"},
};

constexpr Mark kMarks[] = {
    {"edm_mean edm_std", "Playground 2.5", "edm"},
    {"edm_vpred.sigma_max", "CosXL", "v"},
    {"v_pred ztsnr", "zero terminal SNR", "v"},
    {"v_pred", "", "v"},
    {"*time_embedding.cond_proj.weight|*time_embed.cond_proj.weight", "LCM (guidance embedded)", ""},
};

constexpr Signature kAddOns[] = {
    {Role::kControlNet, "LLLite", "lllite_unet_*"},
    {Role::kControlNet, "Control-LoRA", "lora_controlnet"},
    {Role::kControlNet, "union",
     "*task_embedding *spatial_ch_projs.* *zero_convs.0.0.weight|*controlnet_down_blocks.0.*"},
    {Role::kControlNet, "", "*zero_convs.0.0.weight *input_hint_block.0.weight *attn2.to_k.weight[1]=2048"},
    {Role::kControlNet, "",
     "*controlnet_down_blocks.0.weight *controlnet_cond_embedding.conv_in.weight *attn2.to_k.weight[1]=2048"},
    {Role::kControlNet, "small (no attention)",
     "*controlnet_down_blocks.8.weight !*controlnet_down_blocks.9.weight !*attn2.*"},
    {Role::kControlNet, "BrushNet", "brushnet_down_blocks.8.weight !brushnet_down_blocks.9.weight"},
    {Role::kT2iAdapter, "", "*body.0.block1.weight|*body.0.resnets.0.block1.weight *conv_in.weight[1]=768"},
    {Role::kT2iAdapter, "grey input",
     "*body.0.block1.weight|*body.0.resnets.0.block1.weight *conv_in.weight[1]=256"},
    {Role::kIpAdapter, "PhotoMaker", "id_encoder.* lora_weights.*"},
    {Role::kIpAdapter, "InstantID",
     "image_proj.latents image_proj.proj_in.weight[1]=512 *to_k_ip.weight[1]=2048"},
    {Role::kIpAdapter, "FaceID Plus", "image_proj.perceiver_resampler.* *to_k_ip.weight[1]=2048"},
    {Role::kIpAdapter, "FaceID", "image_proj.proj.0.weight[1]=512 *to_k_ip.weight[1]=2048"},
    {Role::kIpAdapter, "Plus", "image_proj.latents *to_k_ip.weight[1]=2048"},
    {Role::kIpAdapter, "", "image_proj.proj.weight *to_k_ip.weight[1]=2048"},
    {Role::kMotionModule, "AnimateDiff beta",
     "*down_blocks.2.motion_modules.0.* !*down_blocks.3.motion_modules.*"},
    {Role::kInpaintPatch, "Fooocus head", "head[0]=320[1]=5"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "refiner", "*attn2_to_k[1]=1280|*attn2_to_v[1]=1280 !transformer_blocks_*"},
    {Role::kAdapter, "", "*attn2_to_k[1]=2048|*attn2_to_v[1]=2048 !transformer_blocks_*",
     "Kolors has the same U-Net modules"},
    {Role::kAdapter, "",
     "te2:*[1]=1280 te1:*[1]=768 !joint_blocks_* !te3:* !double_blocks_* !transformer_blocks_*"},
    {Role::kAdapter, "", "te2:*[1]=1280 !joint_blocks_* !te3:* !double_blocks_* !transformer_blocks_*"},
    {Role::kAdapter, "",
     "down_blocks_2_attentions_0_transformer_blocks_2_*|input_blocks_7_1_transformer_blocks_2_*|"
     "mid_block_attentions_0_transformer_blocks_2_*|middle_block_1_transformer_blocks_2_*|"
     "up_blocks_0_attentions_0_transformer_blocks_2_*|output_blocks_0_1_transformer_blocks_2_*"},
};

}  // namespace

constinit const Ecosystem kSdxl{
    .id = "sdxl",
    .title = "Stable Diffusion XL",
    .prediction = "eps",
    .prediction_certain = false,
    .shape_note = "a U-Net that reads 2048 numbers a text token (CLIP-L and bigG)",
    .companions = "a 4-channel VAE and the CLIP-L and bigG text encoders",
    .diffusers = "conv_in.weight down_blocks.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = kAddOns,
    .adapters = kAdapters,
    .marks = kMarks,
};

}  // namespace dq::models::recognised
