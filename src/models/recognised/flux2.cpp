// FLUX.2 (Black Forest Labs 2025): dev and klein.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"flux1", "chroma", "qwen-image"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "dev",
     "double_stream_modulation_img.lin.weight[0]=36864|double_stream_modulation_img.linear.weight[0]=36864"},
    {Role::kDenoiser, "klein 4B",
     "double_stream_modulation_img.lin.weight[0]=18432|double_stream_modulation_img.linear.weight[0]=18432",
     "base and distilled have the same tensors"},
    {Role::kDenoiser, "klein 9B",
     "double_stream_modulation_img.lin.weight[0]=24576|double_stream_modulation_img.linear.weight[0]=24576",
     "base, distilled and KV have the same tensors"},
    {Role::kDenoiser, "",
     "double_stream_modulation_img.lin.weight|double_stream_modulation_img.linear.weight"},
};

constexpr Signature kAddOns[] = {
    {Role::kControlNet, "Fun", "control_transformer_blocks.0.after_proj.weight control_img_in.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "dev",
     "double_blocks_*[1]=6144|single_blocks_*[1]=6144|transformer_blocks_*[1]=6144|single_transformer_blocks_"
     "*[1]=6144"},
    {Role::kAdapter, "klein 9B",
     "double_blocks_*[1]=4096|single_blocks_*[1]=4096|single_transformer_blocks_*[1]=4096"},
    {Role::kAdapter, "klein 4B",
     "*to_qkv_mlp_proj[1]=3072|single_blocks_*linear1[0]=27648|double_blocks_*img_mlp_0[0]=18432|single_"
     "blocks_0_linear1[0]=27648|double_blocks_0_img_mlp_0[0]=18432|*_linear1[0]=27648|*_img_mlp_0[0]=18432"},
    {Role::kAdapter, "", "*double_stream_modulation_*|*single_stream_modulation*"},
};

}  // namespace

constinit const Ecosystem kFlux2{
    .id = "flux2",
    .title = "FLUX.2",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "shared modulation, a 32-channel VAE and a language model for text",
    .companions = "the FLUX.2 VAE and Mistral Small 3 (dev) or Qwen3 (klein) for text",
    .diffusers = "x_embedder.weight",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = kAddOns,
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
