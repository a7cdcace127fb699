// Cosmos-Predict2 (NVIDIA 2025) and Anima, which is built on it.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"wan", "anima"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "2B text to image",
     "blocks.0.mlp.layer1.weight x_embedder.proj.1.weight[0]=2048[1]=68 !llm_adapter.*"},
    {Role::kDenoiser, "2B video to world",
     "blocks.0.mlp.layer1.weight x_embedder.proj.1.weight[0]=2048[1]=72 !llm_adapter.*"},
    {Role::kDenoiser, "14B text to image",
     "blocks.0.mlp.layer1.weight x_embedder.proj.1.weight[0]=5120[1]=68"},
    {Role::kDenoiser, "14B video to world",
     "blocks.0.mlp.layer1.weight x_embedder.proj.1.weight[0]=5120[1]=72"},
    {Role::kDenoiser, "",
     "patch_embed.proj.weight[1]=68|patch_embed.proj.weight[1]=72 "
     "transformer_blocks.0.norm1.linear_1.weight"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "14B",
     "blocks_*[1]=5120 *self_attn_q_proj|*self_attn_k_proj|*mlp_layer1|*cross_attn_q_proj|*_q_proj"},
};

}  // namespace

constinit const Ecosystem kCosmos{
    .id = "cosmos",
    .title = "Cosmos-Predict2",
    .prediction = "flow",
    .prediction_certain = false,
    .shape_note = "cross-attention blocks with adaLN-LoRA, 2048 or 5120 wide",
    .companions = "the Wan 2.1 VAE and the old T5-11B text encoder",
    .diffusers = "transformer_blocks.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
