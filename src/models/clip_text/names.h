#pragma once
// Community layouts of CLIP text encoders → canonical names: Hugging Face's without "text_model."
// ("encoder.layers.0.self_attn.q_proj.weight").
#include <span>
#include <string_view>

#include "weights/tensor_table.h"

namespace dq::models::clip_text {

// Looks under each prefix in turn ("text_model." may or may not follow it; old files lack it) and returns the
// encoder's tensors in canonical names; an empty table when there is none.
weights::TensorTable locate(const weights::TensorTable& file, std::span<const std::string_view> prefixes);

}  // namespace dq::models::clip_text
