// CogVideoX (Yang et al. 2024).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"mochi", "ltx"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "2B", "patch_embed.text_proj.weight[0]=1920 transformer_blocks.0.norm1.linear.weight"},
    {Role::kDenoiser, "5B", "patch_embed.text_proj.weight[0]=3072 transformer_blocks.0.norm1.linear.weight"},
    {Role::kDenoiser, "", "transformer.layers.0.attention.query_key_value.weight mixins.patch_embed.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "transformer_blocks_*[1]=1920 *attn1_to_*"},
    {Role::kAdapter, "5B", "transformer_blocks_*[1]=3072 *attn1_to_* !*add_q_proj !*add_k_proj"},
};

}  // namespace

constinit const Ecosystem kCogVideoX{
    .id = "cogvideox",
    .title = "CogVideoX",
    .prediction = "v",
    .prediction_certain = true,
    .shape_note = "video blocks 1920 or 3072 wide with T5-XXL text",
    .companions = "the CogVideoX VAE and T5-XXL for text",
    .diffusers = "patch_embed.text_proj.weight",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
