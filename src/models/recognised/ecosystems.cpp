#include "models/recognised/ecosystem.h"

namespace dq::models::recognised {
namespace {

// What is built on another family's blocks stands before it.
constexpr const Ecosystem* kEcosystems[] = {
    &kSvd,      &kKolors,   &kSd1,     &kSd2,          &kSdxl,         &kStableCascade, &kSd3,
    &kAuraFlow, &kChroma,   &kFlux2,   &kHunyuanImage, &kHunyuanVideo, &kFlux1,         &kQwenImage,
    &kZImage,   &kOmniGen2, &kLumina2, &kHiDream,      &kWan,          &kAnima,         &kCosmos,
    &kSana,     &kPixArt,   &kLtx,     &kMochi,        &kCogVideoX,    &kHunyuanDit,
};

}  // namespace

std::span<const Ecosystem* const> ecosystems() {
  return kEcosystems;
}

const Ecosystem* find_ecosystem(std::string_view id) {
  for (const Ecosystem* ecosystem : kEcosystems) {
    if (ecosystem->id == id) return ecosystem;
  }
  return nullptr;
}

}  // namespace dq::models::recognised
