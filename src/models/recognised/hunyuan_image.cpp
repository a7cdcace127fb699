// HunyuanImage 2.1 (Tencent 2025).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"hunyuan-video", "qwen-image"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "refiner",
     "txt_in.individual_token_refiner.blocks.0.norm1.weight img_in.proj.weight[]=5[1]=128 !vector_in.*"},
    {Role::kDenoiser, "distilled",
     "txt_in.individual_token_refiner.blocks.0.norm1.weight img_in.proj.weight[]=4 !vector_in.* "
     "guidance_in.*|time_r_in.*"},
    {Role::kDenoiser, "",
     "txt_in.individual_token_refiner.blocks.0.norm1.weight img_in.proj.weight[]=4 !vector_in.*"},
    {Role::kDenoiser, "refiner",
     "context_embedder.token_refiner.* x_embedder.proj.weight[]=5[1]=128 !context_embedder_2.*"},
    {Role::kDenoiser, "distilled",
     "context_embedder.* x_embedder.proj.weight[]=4[0]=3584 time_guidance_embed.guidance_embedder.*"},
    {Role::kDenoiser, "", "context_embedder.* x_embedder.proj.weight[]=4[0]=3584 time_guidance_embed.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "",
     "double_blocks_*[1]=3584|single_blocks_*[1]=3584|transformer_blocks_*[1]=3584|single_transformer_blocks_"
     "*[1]=3584"},
};

}  // namespace

constinit const Ecosystem kHunyuanImage{
    .id = "hunyuan-image",
    .title = "HunyuanImage 2.1",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "double and single blocks 3584 wide on a 32x latent",
    .companions = "the HunyuanImage VAE, Qwen2.5-VL-7B and ByT5 for text",
    .diffusers = "x_embedder.proj.weight",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
