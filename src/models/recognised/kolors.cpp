// Kolors (Kuaishou 2024): an SDXL U-Net that reads ChatGLM3.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"sdxl"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "inpainting", "label_emb.0.0.weight[1]=5632 input_blocks.0.0.weight[1]=9"},
    {Role::kDenoiser, "", "label_emb.0.0.weight[1]=5632"},
};

constexpr Signature kAddOns[] = {
    {Role::kIpAdapter, "", "image_proj.* *to_k_ip.weight[1]=4096"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "encoder_hid_proj[0]=2048[1]=4096"},
};

}  // namespace

constinit const Ecosystem kKolors{
    .id = "kolors",
    .title = "Kolors",
    .prediction = "eps",
    .prediction_certain = true,
    .shape_note = "an SDXL U-Net with a 5632-number condition and ChatGLM3 text",
    .companions = "the SDXL VAE and ChatGLM3-6B for text",
    .diffusers = "conv_in.weight down_blocks.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = kAddOns,
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
