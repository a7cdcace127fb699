// Lumina-Image 2.0 (Qin et al. 2025).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"z-image", "omnigen2"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "", "cap_embedder.1.weight[0]=2304 layers.0.*"},
    {Role::kDenoiser, "",
     "time_caption_embed.caption_embedder.1.weight[0]=2304 layers.0.* !ref_image_patch_embedder.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "layers_*[1]=2304|*refiner_*[1]=2304"},
};

}  // namespace

constinit const Ecosystem kLumina2{
    .id = "lumina2",
    .title = "Lumina-Image 2.0",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "single-stream blocks 2304 wide (Gemma 2 2B)",
    .companions = "the 16-channel FLUX VAE and Gemma 2 2B for text",
    .diffusers = "time_caption_embed.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
