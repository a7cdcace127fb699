// AuraFlow (fal 2024).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"sd3", "flux1"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "", "double_layers.0.attn.w1q.weight"},
    {Role::kDenoiser, "", "joint_transformer_blocks.0.attn.to_q.weight register_tokens"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "*joint_transformer_blocks_*|double_layers_*"},
};

}  // namespace

constinit const Ecosystem kAuraFlow{
    .id = "auraflow",
    .title = "AuraFlow",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "4 joint and 32 single blocks 3072 wide",
    .companions = "the SDXL VAE and the Pile-T5-XL text encoder",
    .diffusers = "joint_transformer_blocks.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
