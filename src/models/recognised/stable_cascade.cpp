// Stable Cascade (Pernias et al. 2023).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"sdxl"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "stage C", "clip_txt_mapper.weight down_blocks.0.0.*"},
    {Role::kDenoiser, "stage B", "clip_mapper.weight effnet_mapper.* down_blocks.0.0.*"},
};

}  // namespace

constinit const Ecosystem kStableCascade{
    .id = "stable-cascade",
    .title = "Stable Cascade",
    .prediction = "eps",
    .prediction_certain = true,
    .shape_note = "Wuerstchen stages on a 42x latent",
    .companions = "the other stages and the bigG text encoder",
    .diffusers = "down_blocks.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = {},
};

}  // namespace dq::models::recognised
