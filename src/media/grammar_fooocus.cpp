#include "media/program_grammars.h"
#include "media/text_scan.h"

namespace dq::media {

namespace {

// "(1152, 896)"
void read_resolution(const std::string& text, GenerationInfo& info) {
  const std::size_t comma = text.find(',');
  if (text.size() < 2 || text.front() != '(' || text.back() != ')' || comma == std::string::npos) return;
  const std::string_view view(text);
  info.width = int_of(strip(view.substr(1, comma - 1)));
  info.height = int_of(strip(view.substr(comma + 1, text.size() - comma - 2)));
}

void read_loras(const Json& json, GenerationInfo& info) {
  if (const Json* loras = member(json, "loras"); loras && loras->is_array()) {
    for (const Json& lora : *loras) {  // [name, weight, hash]
      if (!lora.is_array() || lora.size() < 2 || !lora[0].is_string() || !lora[1].is_number()) continue;
      LoraUse use{lora[0].get<std::string>(), lora[1].get<double>(), {}, {}};
      if (lora.size() > 2 && lora[2].is_string()) use.hash = lora[2].get<std::string>();
      info.loras.push_back(std::move(use));
    }
    return;
  }
  for (const auto& [key, value] : json.items()) {  // older: "lora_combined_1": "name : 0.5"
    if (key.substr(0, 14) != "lora_combined_" || !value.is_string()) continue;
    const std::string& text = value.get_ref<const std::string&>();
    const std::size_t colon = text.rfind(" : ");
    if (colon == std::string::npos) continue;
    info.loras.push_back({text.substr(0, colon),
                          number_of(strip(std::string_view(text).substr(colon + 3))).value_or(1),
                          {},
                          {}});
  }
}

}  // namespace

GenerationInfo read_fooocus(const Json& json) {
  GenerationInfo info;
  info.program = "Fooocus";
  keep_settings(json, info);
  info.version = text_member(json, "version");
  info.prompt = text_member(json, "prompt");
  info.negative_prompt = text_member(json, "negative_prompt");
  info.steps = int_member(json, "steps");
  info.cfg = number_member(json, "guidance_scale");
  info.seed = seed_member(json, "seed");
  info.sampler = text_member(json, "sampler");
  info.scheduler = text_member(json, "scheduler");
  info.model = text_member(json, "base_model");
  info.model_hash = text_member(json, "base_model_hash");
  info.clip_skip = int_member(json, "clip_skip");
  if (const std::string vae = text_member(json, "vae"); vae != "Default (model)") info.vae = vae;
  read_resolution(text_member(json, "resolution"), info);
  read_loras(json, info);
  return info;
}

}  // namespace dq::media
