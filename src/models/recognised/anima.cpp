// Anima: a 2B Cosmos-Predict2 for anime with a small language-model adapter for its text.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"cosmos", "sdxl", "qwen-image"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "", "blocks.0.mlp.layer1.weight x_embedder.proj.1.weight llm_adapter.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "*llm_adapter_*"},
    {Role::kAdapter, "",
     "blocks_*[1]=2048 *self_attn_q_proj|*self_attn_k_proj|*mlp_layer1|*cross_attn_q_proj|*_q_proj",
     "Cosmos-Predict2 2B has the same modules"},
};

}  // namespace

constinit const Ecosystem kAnima{
    .id = "anima",
    .title = "Anima",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "Cosmos-Predict2 2B blocks and an adapter that reads Qwen3 0.6B",
    .companions = "the Qwen-Image VAE and Qwen3 0.6B for text",
    .diffusers = "transformer_blocks.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
