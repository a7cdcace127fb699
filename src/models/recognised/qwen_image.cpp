// Qwen-Image (Wu et al. 2025), its editing and layered models.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"flux1", "flux2", "z-image"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "Layered",
     "txt_norm.weight[0]=3584 img_in.weight time_text_embed.addition_t_embedding.weight"},
    {Role::kDenoiser, "Edit 2511", "txt_norm.weight[0]=3584 img_in.weight __index_timestep_zero__"},
    {Role::kDenoiser, "nunchaku (4-bit SVDQuant)",
     "txt_norm.weight[0]=3584 img_in.weight *add_qkv_proj.qweight"},
    {Role::kDenoiser, "",
     "txt_norm.weight[0]=3584 img_in.weight transformer_blocks.0.attn.add_k_proj.weight !controlnet_blocks.*",
     "text to image, Edit, 2509 and 2512 have the same tensors"},
};

constexpr Signature kAddOns[] = {
    {Role::kControlNet, "DiffSynth block-wise", "controlnet_blocks.0.x_rms.weight img_in.weight"},
    {Role::kControlNet, "union",
     "controlnet_x_embedder.weight transformer_blocks.0.img_mlp.net.0.proj.weight"},
    {Role::kControlNet, "Fun", "control_blocks.0.after_proj.weight control_img_in.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "",
     "transformer_blocks_*[1]=3072|transformer_blocks_*[1]=12288 "
     "*img_mlp_net_*|*txt_mlp_net_*|*img_mod_1|transformer_blocks_20_*|transformer_blocks_59_* "
     "!single_transformer_blocks_* !*attn1_*"},
};

}  // namespace

constinit const Ecosystem kQwenImage{
    .id = "qwen-image",
    .title = "Qwen-Image",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "60 double transformer blocks, 3072 wide, text 3584 wide",
    .companions = "the Qwen-Image VAE and Qwen2.5-VL-7B for text",
    .diffusers = "time_text_embed.timestep_embedder.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = kAddOns,
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
