// PixArt-alpha and PixArt-sigma (Chen et al. 2023, 2024).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"sana", "sd3"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "alpha 1024", "t_block.1.weight blocks.0.cross_attn.q_linear.weight csize_embedder.*"},
    {Role::kDenoiser, "", "t_block.1.weight blocks.0.cross_attn.q_linear.weight !csize_embedder.*",
     "sigma and alpha 512 have the same tensors"},
    {Role::kDenoiser, "alpha 1024",
     "adaln_single.emb.resolution_embedder.* pos_embed.proj.weight "
     "transformer_blocks.0.attn1.to_q.weight[0]=1152"},
    {Role::kDenoiser, "",
     "adaln_single.linear.weight pos_embed.proj.weight transformer_blocks.0.attn1.to_q.weight[0]=1152",
     "sigma and alpha 512 have the same tensors"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "transformer_blocks_*attn1_*[1]=1152|transformer_blocks_*[1]=1152 !*ff_conv_*"},
    {Role::kAdapter, "", "blocks_*[1]=1152 *cross_attn_q_linear|*attn_qkv"},
};

}  // namespace

constinit const Ecosystem kPixArt{
    .id = "pixart",
    .title = "PixArt",
    .prediction = "eps",
    .prediction_certain = true,
    .shape_note = "cross-attention transformer blocks 1152 wide",
    .companions = "the SD (alpha) or SDXL (sigma) VAE and T5-XXL for text",
    .diffusers = "adaln_single.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
