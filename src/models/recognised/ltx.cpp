// LTX-Video (HaCohen et al. 2024) and LTX-2.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"wan", "cogvideox"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "LTX-2 (with sound)",
     "audio_adaln_single.*|audio_patchify_proj.*|audio_proj_in.* transformer_blocks.0.attn1.to_q.weight"},
    {Role::kDenoiser, "2B", "adaln_single.emb.timestep_embedder.linear_1.bias patchify_proj.weight[0]=2048"},
    {Role::kDenoiser, "13B", "adaln_single.emb.timestep_embedder.linear_1.bias patchify_proj.weight[0]=4096"},
    {Role::kDenoiser, "2B",
     "time_embed.emb.timestep_embedder.linear_1.bias proj_in.weight[0]=2048 caption_projection.*"},
    {Role::kDenoiser, "13B",
     "time_embed.emb.timestep_embedder.linear_1.bias proj_in.weight[0]=4096 caption_projection.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "LTX-2", "*audio_attn1_*|*audio_to_video_attn_*"},
    {Role::kAdapter, "2B", "transformer_blocks_*[1]=2048 *attn1_*|*attn2_* !double_blocks_*"},
    {Role::kAdapter, "13B",
     "transformer_blocks_*[1]=4096 *attn1_*|*attn2_* !double_blocks_* !single_transformer_blocks_*"},
};

}  // namespace

constinit const Ecosystem kLtx{
    .id = "ltx",
    .title = "LTX-Video",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "video blocks 2048 or 4096 wide on a 32x latent",
    .companions = "the LTX VAE and T5-XXL (LTX-2: Gemma 3 12B) for text",
    .diffusers = "proj_in.weight",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
