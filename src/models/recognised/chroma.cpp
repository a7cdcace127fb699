// Chroma: a FLUX.1 schnell whose modulation is one small network.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"flux1", "flux2"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "Radiance (pixel space)",
     "distilled_guidance_layer.* nerf_blocks.0.*|nerf_image_embedder.*"},
    {Role::kDenoiser, "", "distilled_guidance_layer.* double_blocks.0.*"},
    {Role::kDenoiser, "", "distilled_guidance_layer.* transformer_blocks.0.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "*distilled_guidance_layer*"},
};

}  // namespace

constinit const Ecosystem kChroma{
    .id = "chroma",
    .title = "Chroma",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "FLUX.1 blocks with one distilled guidance network",
    .companions = "the 16-channel FLUX VAE and the T5-XXL text encoder",
    .diffusers = "x_embedder.weight transformer_blocks.0.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
