#pragma once
// One grammar a program, each in its own file. They take what parse_generation_info has recognised, and fill
// what they find; none throws on missing or strange members.
#include "media/generation_info.h"
#include "media/json_text.h"

namespace dq::media {

// PNG "parameters": {"sui_image_params": {…}, "sui_extra_data": {…}, "sui_models": [{name, param, hash}]}
GenerationInfo read_swarm_ui(const Json& json);

// PNG "parameters" or UserComment: {"metadata_scheme": "fooocus", "prompt": …, "base_model": …, "loras":
// [[name, weight, hash]]}
GenerationInfo read_fooocus(const Json& json);

// PNG "invokeai_metadata": {"positive_prompt": …, "model": {"name", "hash"}, "loras": [{"model": {…},
// "weight"}], …}
GenerationInfo read_invoke_ai(const Json& json);

// PNG "Software": "NovelAI", "Description": prompt, "Comment": {"steps", "scale", "uc", "sampler", …}
GenerationInfo read_novel_ai(const Json& comment, const std::string& description, const std::string& source);

// UserComment: {"c": prompt, "uc": negative, "scale": guidance, "size": "512x512", "v2": {…}}
GenerationInfo read_draw_things(const Json& json);

// PNG "parameters-json": {"PositivePrompt": …, "Steps": …, "ModelName": …}, beside an infotext
GenerationInfo read_stability_matrix(const Json& json);

// PNG "prompt": {"id": {"class_type": …, "inputs": {name: value or ["id", slot]}}}, ComfyUI's API graph
std::optional<GenerationInfo> read_comfy_graph(const Json& json);

// Appends every member of an object to info.settings, in order.
void keep_settings(const Json& object, GenerationInfo& info);

}  // namespace dq::media
