// Mochi 1 (Genmo 2024).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"cogvideox", "ltx"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "", "t5_yproj.weight t5_y_embedder.* blocks.0.*"},
    {Role::kDenoiser, "",
     "time_embed.pooler.to_kv.weight patch_embed.proj.weight transformer_blocks.0.attn1.add_q_proj.weight"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "transformer_blocks_*[1]=3072 *attn1_add_q_proj|*attn1_add_k_proj"},
    {Role::kAdapter, "", "blocks_*qkv_x|*_qkv_x"},
};

}  // namespace

constinit const Ecosystem kMochi{
    .id = "mochi",
    .title = "Mochi 1",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "48 asymmetric joint blocks 3072 wide",
    .companions = "the Mochi VAE and T5-XXL for text",
    .diffusers = "time_embed.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
