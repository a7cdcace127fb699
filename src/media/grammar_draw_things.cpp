#include "media/program_grammars.h"

namespace dq::media {

GenerationInfo read_draw_things(const Json& json) {
  GenerationInfo info;
  info.program = "Draw Things";
  keep_settings(json, info);
  info.prompt = text_member(json, "c");
  info.negative_prompt = text_member(json, "uc");
  info.steps = int_member(json, "steps");
  info.cfg = number_member(json, "scale");
  info.seed = seed_member(json, "seed");
  info.sampler = text_member(json, "sampler");
  info.model = text_member(json, "model");
  info.denoise = number_member(json, "strength");
  const std::string size = text_member(json, "size");
  if (const std::size_t x = size.find('x'); x != std::string::npos) {
    info.width = int_of(std::string_view(size).substr(0, x));
    info.height = int_of(std::string_view(size).substr(x + 1));
  }
  if (const Json* more = member(json, "v2")) info.clip_skip = int_member(*more, "clipSkip");
  if (const Json* loras = member(json, "lora"); loras && loras->is_array()) {
    for (const Json& lora : *loras) {
      LoraUse use{text_member(lora, "model"), number_member(lora, "weight").value_or(1), {}, {}};
      if (use.name.empty()) use.name = text_member(lora, "file");
      if (!use.name.empty()) info.loras.push_back(std::move(use));
    }
  }
  return info;
}

}  // namespace dq::media
