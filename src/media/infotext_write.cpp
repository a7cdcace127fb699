#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "media/infotext.h"

namespace dq::media {

namespace {

// The order of create_infotext in WebUI 1.10. Anything else stands between these and "Version", "User".
constexpr std::array<std::string_view, 26> kOrder = {
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Image CFG scale",
    "Seed",
    "Face restoration",
    "Size",
    "Model hash",
    "Model",
    "FP8 weight",
    "Cache FP16 weight for LoRA",
    "VAE hash",
    "VAE",
    "Variation seed",
    "Variation seed strength",
    "Seed resize from",
    "Denoising strength",
    "Conditional mask weight",
    "Clip skip",
    "ENSD",
    "Token merging ratio",
    "Token merging ratio hr",
    "Init image hash",
    "RNG",
    "Tiling",
};

bool is_ordered(std::string_view key) {
  return key == "Version" || key == "User" || std::find(kOrder.begin(), kOrder.end(), key) != kOrder.end();
}

// The typed field of a key, as WebUI would print it; empty when it is not set or has none.
std::string typed_value(std::string_view key, const GenerationInfo& info) {
  if (key == "Steps" && info.steps) return fmt::to_string(*info.steps);
  if (key == "Sampler") return info.sampler;
  if (key == "Schedule type") return info.scheduler;
  if (key == "CFG scale" && info.cfg) return fmt::format("{}", *info.cfg);
  if (key == "Seed" && info.seed) return fmt::to_string(*info.seed);
  if (key == "Size" && info.width && info.height) return fmt::format("{}x{}", *info.width, *info.height);
  if (key == "Model hash") return info.model_hash;
  if (key == "Model") return info.model;
  if (key == "VAE") return info.vae;
  if (key == "Denoising strength" && info.denoise) return fmt::format("{}", *info.denoise);
  if (key == "Clip skip" && info.clip_skip && *info.clip_skip > 1) return fmt::to_string(*info.clip_skip);
  if (key == "ENSD" && info.ensd && *info.ensd != 0) return fmt::to_string(*info.ensd);
  if (key == "RNG" && info.rng != "GPU") return info.rng;
  if (key == "Version") return info.version;
  return {};
}

std::string lora_hashes(const std::vector<LoraUse>& loras) {
  std::string out;
  for (const LoraUse& lora : loras) {
    if (lora.hash.empty()) continue;
    if (!out.empty()) out += ", ";
    out += lora.name + ": " + lora.hash;
  }
  return out;
}

}  // namespace

std::string write_infotext(const GenerationInfo& info) {
  std::string line;
  const auto add = [&](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    if (!line.empty()) line += ", ";
    line += fmt::format("{}: {}", key, quote_infotext(value));
  };
  const auto add_ordered = [&](std::string_view key) {
    const std::string typed = typed_value(key, info);
    const std::string* own = info.setting(key);
    add(key, typed.empty() && own ? *own : typed);
  };
  for (const std::string_view key : kOrder) add_ordered(key);
  for (const auto& [key, value] : info.settings) {
    if (!is_ordered(key)) add(key, value);
  }
  if (!info.setting("Lora hashes")) add("Lora hashes", lora_hashes(info.loras));
  add_ordered("Version");
  add_ordered("User");

  std::string out = info.prompt;
  if (!info.negative_prompt.empty()) out += "\nNegative prompt: " + info.negative_prompt;
  return out + "\n" + line;
}

}  // namespace dq::media
