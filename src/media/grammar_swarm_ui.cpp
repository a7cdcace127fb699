#include "media/program_grammars.h"
#include "media/prompt_loras.h"
#include "media/text_scan.h"

namespace dq::media {

namespace {

// Newer files hold arrays, older ones "a,b".
std::vector<std::string> list_of(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  const Json* value = member(object, key);
  if (value && value->is_array()) {
    for (const Json& item : *value) out.push_back(json_to_text(item));
  } else if (value && value->is_string()) {
    const std::string& text = value->get_ref<const std::string&>();
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t comma = std::min(text.find(',', at), text.size());
      if (const auto part = strip(std::string_view(text).substr(at, comma - at)); !part.empty())
        out.emplace_back(part);
      at = comma + 1;
    }
  }
  return out;
}

// sui_models: the hash of a model by its role; "0x" and the sha256 of the tensor bytes.
std::string hash_of(const Json& json, std::string_view param, const std::string& name) {
  const Json* models = member(json, "sui_models");
  if (!models || !models->is_array()) return {};
  for (const Json& model : *models) {
    if (text_member(model, "param") != param) continue;
    const std::string file = text_member(model, "name");
    if (!name.empty() && file != name && file != name + ".safetensors") continue;
    const std::string hash = text_member(model, "hash");
    return hash.substr(0, 2) == "0x" ? hash.substr(2) : hash;
  }
  return {};
}

}  // namespace

GenerationInfo read_swarm_ui(const Json& json) {
  GenerationInfo info;
  info.program = "SwarmUI";
  const Json* found = member(json, "sui_image_params");
  if (!found) return info;
  const Json& params = *found;
  keep_settings(params, info);
  if (const Json* extra = member(json, "sui_extra_data")) keep_settings(*extra, info);
  info.version = text_member(params, "swarm_version");
  info.prompt = text_member(params, "prompt");
  info.negative_prompt = text_member(params, "negativeprompt");
  info.steps = int_member(params, "steps");
  info.cfg = number_member(params, "cfgscale");
  info.seed = seed_member(params, "seed");
  info.width = int_member(params, "width");
  info.height = int_member(params, "height");
  info.sampler = text_member(params, "sampler");
  info.scheduler = text_member(params, "scheduler");
  info.model = text_member(params, "model");
  info.model_hash = hash_of(json, "model", {});
  info.denoise = number_member(params, "initimagecreativity");
  if (const std::string vae = text_member(params, "vae"); vae != "None") info.vae = vae;
  // It counts from the end with minus signs: −2 is the last but one layer.
  if (const auto layer = int_member(params, "clipstopatlayer")) info.clip_skip = std::abs(*layer);
  const std::vector<std::string> names = list_of(params, "loras"), weights = list_of(params, "loraweights");
  for (std::size_t i = 0; i < names.size(); ++i) {
    LoraUse use{names[i], 1, {}, hash_of(json, "loras", names[i])};
    if (i < weights.size()) use.strength = number_of(weights[i]).value_or(1);
    info.loras.push_back(std::move(use));
  }
  if (names.empty()) info.loras = loras_in_prompt(info.prompt);
  return info;
}

}  // namespace dq::media
