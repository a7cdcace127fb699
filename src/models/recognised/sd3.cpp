// Stable Diffusion 3 and 3.5 (Esser et al. 2024): MMDiT.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"sdxl", "flux1", "auraflow"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "3.5 medium",
     "joint_blocks.0.x_block.attn2.qkv.weight joint_blocks.0.context_block.attn.qkv.weight[1]=1536"},
    {Role::kDenoiser, "3.5 large", "joint_blocks.0.context_block.attn.qkv.weight[1]=2432",
     "Large and Large Turbo have the same tensors"},
    {Role::kDenoiser, "3 medium",
     "joint_blocks.0.context_block.attn.qkv.weight[1]=1536 !joint_blocks.0.x_block.attn2.qkv.weight"},
    {Role::kDenoiser, "3.5 medium",
     "transformer_blocks.0.attn2.to_q.weight transformer_blocks.0.attn.add_q_proj.weight[1]=1536 "
     "pos_embed.pos_embed"},
    {Role::kDenoiser, "3.5 large", "transformer_blocks.0.attn.add_q_proj.weight[1]=2432 pos_embed.pos_embed",
     "Large and Large Turbo have the same tensors"},
    {Role::kDenoiser, "3 medium",
     "transformer_blocks.0.attn.add_q_proj.weight[1]=1536 pos_embed.pos_embed "
     "!transformer_blocks.0.attn2.to_q.weight"},
};

constexpr Signature kAddOns[] = {
    {Role::kControlNet, "", "pos_embed_input.proj.weight controlnet_blocks.0.weight transformer_blocks.0.*"},
    {Role::kControlNet, "3.5 large",
     "*transformer_blocks.0.adaLN_modulation.1.bias *controlnet_blocks.0.weight|control_type"},
    {Role::kIpAdapter, "3.5 large", "ip_adapter.* *to_k_ip.weight[0]=2432"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "joint_blocks_*"},
    {Role::kAdapter, "",
     "transformer_blocks_*[1]=1536|transformer_blocks_*[1]=2432 !single_transformer_blocks_* !*img_mlp_* "
     "!*attn1_*"},
};

}  // namespace

constinit const Ecosystem kSd3{
    .id = "sd3",
    .title = "Stable Diffusion 3 / 3.5",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "joint transformer blocks 1536 or 2432 wide",
    .companions = "the 16-channel SD3 VAE and the CLIP-L, bigG and T5-XXL text encoders",
    .diffusers = "transformer_blocks.0.attn.add_q_proj.weight",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = kAddOns,
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
