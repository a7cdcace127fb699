// HunyuanVideo 1.0 (Kong et al. 2024) and 1.5.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"hunyuan-image", "wan", "flux1"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "1.5", "cond_type_embedding.weight vision_in.* txt_in.individual_token_refiner.*"},
    {Role::kDenoiser, "1.0 image to video",
     "txt_in.individual_token_refiner.blocks.0.norm1.weight vector_in.* img_in.proj.weight[1]=33"},
    {Role::kDenoiser, "1.0 SkyReels image to video",
     "txt_in.individual_token_refiner.blocks.0.norm1.weight vector_in.* img_in.proj.weight[1]=32"},
    {Role::kDenoiser, "1.0",
     "txt_in.individual_token_refiner.blocks.0.norm1.weight vector_in.* img_in.proj.weight[]=5",
     "text to video and token-replace image to video have the same tensors"},
    {Role::kDenoiser, "1.5", "context_embedder_2.* image_embedder.* cond_type_embed.weight"},
    {Role::kDenoiser, "1.0 image to video",
     "context_embedder.* x_embedder.proj.weight[]=5[1]=33 time_text_embed.text_embedder.*"},
    {Role::kDenoiser, "1.0",
     "context_embedder.token_refiner.* x_embedder.proj.weight[]=5[1]=16 time_text_embed.text_embedder.* "
     "!clean_x_embedder.*"},
    {Role::kDenoiser, "FramePack", "clean_x_embedder.* context_embedder.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "1.5", "double_blocks_*[1]=2048"},
    {Role::kAdapter, "1.0",
     "double_blocks_*[1]=3072|single_blocks_*[1]=3072 "
     "*double_blocks_19_*|*single_blocks_38_*|*img_mlp_fc1|*img_mod_linear|*modulation_linear|*individual_"
     "token_refiner*"},
    {Role::kAdapter, "1.0",
     "single_transformer_blocks_38_*[1]=3072|single_transformer_blocks_39_*[1]=3072|context_embedder_token_"
     "refiner_*"},
};

}  // namespace

constinit const Ecosystem kHunyuanVideo{
    .id = "hunyuan-video",
    .title = "HunyuanVideo",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "20 double and 40 single blocks 3072 wide (1.0), or 54 double blocks 2048 wide (1.5)",
    .companions = "the HunyuanVideo VAE, a Llama or Qwen2.5-VL text encoder and CLIP-L or ByT5",
    .diffusers = "x_embedder.proj.weight",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
