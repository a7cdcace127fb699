// Hunyuan-DiT (Li et al. 2024).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"pixart"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "", "mlp_t5.0.weight blocks.0.*"},
    {Role::kDenoiser, "", "text_embedding_padding blocks.0.attn1.to_q.weight[0]=1408"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "blocks_*[1]=1408"},
};

}  // namespace

constinit const Ecosystem kHunyuanDit{
    .id = "hunyuan-dit",
    .title = "Hunyuan-DiT",
    .prediction = "v",
    .prediction_certain = false,
    .shape_note = "40 U-shaped transformer blocks 1408 wide",
    .companions = "the SDXL VAE, a Chinese CLIP and mT5-XL for text",
    .diffusers = "pos_embed.proj.weight",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
