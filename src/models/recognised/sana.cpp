// SANA (Xie et al. 2024): linear attention on a 32x latent.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"pixart"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "1.6B", "attention_y_norm.weight blocks.0.attn.proj.weight[0]=2240"},
    {Role::kDenoiser, "0.6B", "attention_y_norm.weight blocks.0.attn.proj.weight[0]=1152"},
    {Role::kDenoiser, "", "attention_y_norm.weight blocks.0.attn.proj.weight"},
    {Role::kDenoiser, "1.6B", "caption_norm.weight transformer_blocks.0.attn1.to_q.weight[0]=2240"},
    {Role::kDenoiser, "0.6B", "caption_norm.weight transformer_blocks.0.attn1.to_q.weight[0]=1152"},
    {Role::kDenoiser, "",
     "caption_norm.weight transformer_blocks.0.attn1.to_q.weight "
     "transformer_blocks.0.ff.conv_inverted.weight"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "1.6B", "transformer_blocks_*[1]=2240"},
    {Role::kAdapter, "", "transformer_blocks_*_ff_conv_*|*ff_conv_inverted"},
};

}  // namespace

constinit const Ecosystem kSana{
    .id = "sana",
    .title = "SANA",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "linear-attention blocks 2240 or 1152 wide",
    .companions = "the DC-AE 32x autoencoder and Gemma 2 2B for text",
    .diffusers = "caption_norm.weight",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
