// From the pairs of an infotext to the fields of GenerationInfo.
#include <algorithm>

#include "media/infotext.h"
#include "media/json_text.h"
#include "media/prompt_loras.h"
#include "media/text_scan.h"

namespace dq::media {

namespace {

// "512x768"
void read_size(const std::string& value, GenerationInfo& info) {
  const std::size_t x = value.find('x');
  if (x == std::string::npos) return;
  const auto width = int_of(std::string_view(value).substr(0, x)),
             height = int_of(std::string_view(value).substr(x + 1));
  if (!width || !height || *width <= 0 || *height <= 0) return;
  info.width = width;
  info.height = height;
}

// "name: 0123456789ab, other: …"
void read_lora_hashes(std::string_view value, std::vector<LoraUse>& loras) {
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t comma = std::min(value.find(',', at), value.size());
    const std::string_view part = value.substr(at, comma - at);
    at = comma + 1;
    const std::size_t colon = part.rfind(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = strip(part.substr(0, colon)), hash = strip(part.substr(colon + 1));
    for (LoraUse& lora : loras) {
      if (lora.name == name) lora.hash = hash;
    }
  }
}

// {"model": "…", "lora:x": "…", "vae": "…"}, as the Civitai extension writes it.
void read_hashes(const std::string& value, GenerationInfo& info) {
  const std::optional<Json> json = parse_json(value);
  if (!json || !json->is_object()) return;
  if (info.model_hash.empty()) info.model_hash = text_member(*json, "model");
  for (LoraUse& lora : info.loras) {
    if (lora.hash.empty()) lora.hash = text_member(*json, "lora:" + lora.name);
  }
}

// "Clip skip" and the like may be anything on pages that only imitate WebUI; what is no number stays text.
void read_field(const std::string& key, const std::string& value, GenerationInfo& info) {
  if (key == "Steps") info.steps = int_of(value);
  if (key == "Sampler") info.sampler = value;
  if (key == "Schedule type") info.scheduler = value;
  if (key == "CFG scale") info.cfg = number_of(value);
  if (key == "Seed") info.seed = seed_of(value);
  if (key == "Size") read_size(value, info);
  if (key == "Model") info.model = value;
  if (key == "Model hash") info.model_hash = value;
  if (key == "VAE") info.vae = value;
  if (key == "Clip skip") info.clip_skip = int_of(value);
  if (key == "Denoising strength") info.denoise = number_of(value);
  if (key == "RNG") info.rng = value;
  if (key == "Version") info.version = value;
  if (key == "ENSD") {
    if (const auto delta = int_of(value)) info.ensd = *delta;
  }
}

std::string program_of(const GenerationInfo& info) {
  const auto version_has = [&](std::string_view word) {
    return info.version.find(word) != std::string::npos;
  };
  if (version_has("Danqing")) return "Danqing";
  if (version_has("Fooocus")) return "Fooocus";
  if (version_has("ComfyUI")) return "ComfyUI";
  if (version_has("SD.Next") || version_has("app: sdnext")) return "SD.Next";
  if (info.version.size() > 1 && info.version[0] == 'f' && info.version[1] >= '0' && info.version[1] <= '9') {
    return "Forge";
  }
  if (info.version == "neo") return "Forge";
  if (info.setting("Civitai resources") || info.setting("Civitai metadata")) return "Civitai";
  return "A1111 WebUI";
}

}  // namespace

std::optional<GenerationInfo> parse_infotext(std::string_view text) {
  Infotext split = split_infotext(text);
  if (split.pairs.empty()) return {};
  GenerationInfo info;
  info.prompt = std::move(split.prompt);
  info.negative_prompt = std::move(split.negative_prompt);
  for (const InfotextPair& pair : split.pairs) {
    std::string value = unquote_infotext(pair.value);
    if (value.empty()) continue;  // WebUI drops these too
    read_field(pair.key, value, info);
    info.settings.emplace_back(pair.key, std::move(value));
  }
  info.loras = loras_in_prompt(info.prompt);
  if (const std::string* hashes = info.setting("Lora hashes")) read_lora_hashes(*hashes, info.loras);
  if (const std::string* hashes = info.setting("Hashes")) read_hashes(*hashes, info);
  info.program = program_of(info);
  return info;
}

const std::string* GenerationInfo::setting(std::string_view key) const {
  const auto found =
      std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.first == key; });
  return found == settings.end() ? nullptr : &found->second;
}

}  // namespace dq::media
