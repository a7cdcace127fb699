#pragma once
// The map from latents to a small picture (LatentFormat::preview_rows) that a model's file states for itself,
// as the text "danqing.preview": {"rows": [[r, g, b], …], "bias": [r, g, b]}, a row for each latent channel
// in model space. For models whose VAE is not their family's.
#include <map>
#include <string>

#include "models/family.h"

namespace dq::pipeline {

inline constexpr const char* kStatedPreviewKey = "danqing.preview";

// `format` with the file's map in place of the family's. A text that is no such map leaves it as it is.
models::LatentFormat with_stated_preview(const std::map<std::string, std::string>& texts,
                                         models::LatentFormat format);

// The text that states a format's map.
std::string stated_preview_text(const models::LatentFormat& format);

}  // namespace dq::pipeline
