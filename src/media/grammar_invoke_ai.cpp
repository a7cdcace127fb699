#include "media/program_grammars.h"

namespace dq::media {

namespace {

// {"name": …, "hash": "blake3:…"} since 4.0, {"model_name": …} before.
std::string model_name(const Json* model) {
  if (!model) return {};
  if (model->is_string()) return model->get<std::string>();
  const std::string name = text_member(*model, "name");
  return name.empty() ? text_member(*model, "model_name") : name;
}

}  // namespace

GenerationInfo read_invoke_ai(const Json& json) {
  GenerationInfo info;
  info.program = "InvokeAI";
  keep_settings(json, info);
  info.version = text_member(json, "app_version");
  info.prompt = text_member(json, "positive_prompt");
  info.negative_prompt = text_member(json, "negative_prompt");
  info.steps = int_member(json, "steps");
  info.cfg = number_member(json, "cfg_scale");
  info.seed = seed_member(json, "seed");
  info.width = int_member(json, "width");
  info.height = int_member(json, "height");
  info.sampler = text_member(json, "scheduler");  // one name for both: "dpmpp_2m_k"
  info.denoise = number_member(json, "strength");
  info.vae = model_name(member(json, "vae"));
  if (const Json* model = member(json, "model")) {
    info.model = model_name(model);
    info.model_hash = text_member(*model, "hash");
  }
  if (const auto skipped = int_member(json, "clip_skip")) info.clip_skip = *skipped + 1;  // 0 skips none
  const std::string device = text_member(json, "rand_device");
  if (device == "cpu") info.rng = "CPU";
  if (device == "cuda") info.rng = "GPU";
  if (const Json* loras = member(json, "loras"); loras && loras->is_array()) {
    for (const Json& lora : *loras) {
      const Json* model = member(lora, "model") ? member(lora, "model") : member(lora, "lora");
      LoraUse use{model_name(model), number_member(lora, "weight").value_or(1), {}, {}};
      if (model) use.hash = text_member(*model, "hash");
      if (!use.name.empty()) info.loras.push_back(std::move(use));
    }
  }
  return info;
}

}  // namespace dq::media
