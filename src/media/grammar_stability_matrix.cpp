#include "media/program_grammars.h"
#include "media/prompt_loras.h"

namespace dq::media {

GenerationInfo read_stability_matrix(const Json& json) {
  GenerationInfo info;
  info.program = "StabilityMatrix";
  keep_settings(json, info);
  info.prompt = text_member(json, "PositivePrompt");
  info.negative_prompt = text_member(json, "NegativePrompt");
  info.steps = int_member(json, "Steps");
  info.cfg = number_member(json, "CfgScale");
  info.seed = seed_member(json, "Seed");
  info.width = int_member(json, "Width");
  info.height = int_member(json, "Height");
  info.sampler = text_member(json, "Sampler");
  info.scheduler = text_member(json, "Scheduler");
  info.model = text_member(json, "ModelName");
  info.model_hash = text_member(json, "ModelHash");
  info.loras = loras_in_prompt(info.prompt);
  return info;
}

}  // namespace dq::media
