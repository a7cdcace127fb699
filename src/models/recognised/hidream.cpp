// HiDream-I1 and E1 (2025): a mixture-of-experts transformer.
#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

constexpr std::string_view kRelatives[] = {"flux1", "sd3"};

constexpr Signature kDenoisers[] = {
    {Role::kDenoiser, "", "caption_projection.0.linear.weight double_stream_blocks.0.block.*",
     "Full, Dev, Fast and E1 have the same tensors"},
};

constexpr Signature kAdapters[] = {
    {Role::kAdapter, "", "*double_stream_blocks_*|*single_stream_blocks_*"},
};

}  // namespace

constinit const Ecosystem kHiDream{
    .id = "hidream",
    .title = "HiDream-I1 / E1",
    .prediction = "flow",
    .prediction_certain = true,
    .shape_note = "double and single stream blocks with experts, 2560 wide",
    .companions = "the 16-channel FLUX VAE and CLIP-L, bigG, T5-XXL and Llama 3.1 8B for text",
    .diffusers = "caption_projection.*",
    .relatives = kRelatives,
    .denoisers = kDenoisers,
    .add_ons = {},
    .adapters = kAdapters,
};

}  // namespace dq::models::recognised
