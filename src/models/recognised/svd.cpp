// Stable Video Diffusion (Blattmann et al. 2023).
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"sd2"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "", "input_blocks.0.0.weight[1]=8 label_emb.0.0.weight[1]=768 *time_stack*"},
    {Role::kDenoiser, "",
     "conv_in.weight[1]=8 add_embedding.linear_1.weight[1]=768 *temporal_transformer_blocks.*"},
};

}  // namespace

constinit const Ecosystem kSvd{
    .id = "svd",
    .title = "Stable Video Diffusion",
    .prediction = "v",
    .prediction_certain = true,
    .shape_note = "a U-Net with time layers that reads CLIP-H images",
    .companions = "the SVD VAE and the CLIP-H image encoder",
    .diffusers = "conv_in.weight down_blocks.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = {},
};

}  // namespace dq::models::recognised
