// OmniGen2 (Wu et al. 2025).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"lumina2"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "",
     "time_caption_embed.timestep_embedder.linear_1.weight ref_image_patch_embedder.* "
     "!double_stream_layers.*"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "layers_*[1]=2520|*refiner_*[1]=2520"},
};

}  // namespace

constinit const Ecosystem kOmniGen2{
    .id = "omnigen2",
    .title = "OmniGen2",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "single-stream blocks 2520 wide with reference images",
    .companions = "the 16-channel FLUX VAE and Qwen2.5-VL-3B for text",
    .diffusers = "layers.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
