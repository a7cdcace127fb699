#include "media/program_grammars.h"

namespace dq::media {

GenerationInfo read_novel_ai(const Json& comment, const std::string& description, const std::string& source) {
  GenerationInfo info;
  info.program = "NovelAI";
  info.version = source;  // "NovelAI Diffusion V4 37442FCA": the model and its revision
  info.model = source;
  keep_settings(comment, info);
  info.prompt = text_member(comment, "prompt");
  if (info.prompt.empty()) info.prompt = description;
  info.negative_prompt = text_member(comment, "uc");
  info.steps = int_member(comment, "steps");
  info.cfg = number_member(comment, "scale");
  info.seed = seed_member(comment, "seed");
  info.width = int_member(comment, "width");
  info.height = int_member(comment, "height");
  info.sampler = text_member(comment, "sampler");
  info.scheduler = text_member(comment, "noise_schedule");
  info.denoise = number_member(comment, "strength");
  return info;
}

}  // namespace dq::media
