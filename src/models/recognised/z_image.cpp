// Z-Image (Tongyi 2025): a single-stream transformer.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"lumina2", "qwen-image", "flux1"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "Omni", "siglip_embedder.* layers.0.attention_norm1.weight[0]=3840"},
    {Role::kDenoiser, "", "cap_embedder.1.weight[0]=3840 layers.0.* !control_layers.*",
     "Turbo and base have the same tensors"},
};

constexpr Signature kAddOns[] = {
    {Role::kControlNet, "Fun union", "control_layers.0.* control_all_x_embedder.2-1.weight"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "layers_*[1]=3840|*refiner_*[1]=3840|layers_*[0]=3840"},
};

}  // namespace

constinit const Ecosystem kZImage{
    .id = "z-image",
    .title = "Z-Image",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "single-stream blocks 3840 wide, text 2560 wide (Qwen3-4B)",
    .companions = "the 16-channel FLUX VAE and Qwen3-4B for text",
    .diffusers = "all_x_embedder.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = kAddOns,
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
