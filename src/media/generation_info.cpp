#include "media/generation_info.h"

#include "media/infotext.h"
#include "media/metadata.h"
#include "media/program_grammars.h"
#include "media/text_scan.h"

namespace dq::media {

void keep_settings(const Json& object, GenerationInfo& info) {
  if (!object.is_object()) return;
  for (const auto& [key, value] : object.items()) {
    if (!value.is_null()) info.settings.emplace_back(key, json_to_text(value));
  }
}

namespace {

std::optional<Json> json_of(const std::vector<TextEntry>& texts, std::string_view key) {
  const std::string* text = find_text(texts, key);
  return text ? parse_json(*text) : std::nullopt;
}

std::string text_of(const std::vector<TextEntry>& texts, std::string_view key) {
  const std::string* text = find_text(texts, key);
  return text ? *text : std::string();
}

// A JSON object that stands where WebUI has its infotext: the grammar is told by its members. NovelAI's
// hidden text is the same object as its chunks, with Comment as a string.
std::optional<GenerationInfo> read_parameters_json(const Json& json) {
  if (member(json, "sui_image_params")) return read_swarm_ui(json);
  if (member(json, "metadata_scheme") || (member(json, "base_model") && member(json, "performance"))) {
    return read_fooocus(json);
  }
  if (member(json, "c") && (member(json, "uc") || member(json, "v2"))) return read_draw_things(json);
  const std::string comment = text_member(json, "Comment");
  if (!comment.empty()) {
    if (const auto inner = parse_json(comment)) {
      return read_novel_ai(*inner, text_member(json, "Description"), text_member(json, "Source"));
    }
  }
  if (member(json, "positive_prompt") && member(json, "app_version")) return read_invoke_ai(json);
  return read_comfy_graph(json);
}

// Our own request, if any, and an infotext beside it.
std::optional<GenerationInfo> read_own(const std::vector<TextEntry>& texts) {
  const std::string* request = find_text(texts, "danqing");
  if (!request) return {};
  const std::string* infotext = find_text(texts, "parameters");
  GenerationInfo info = (infotext ? parse_infotext(*infotext) : std::nullopt).value_or(GenerationInfo{});
  info.program = "Danqing";
  info.danqing_request = *request;
  return info;
}

std::optional<GenerationInfo> read_named_chunks(const std::vector<TextEntry>& texts) {
  for (const std::string_view key : {"invokeai_metadata", "sd-metadata"}) {
    if (const auto json = json_of(texts, key); json && json->is_object()) return read_invoke_ai(*json);
  }
  if (text_of(texts, "Software") == "NovelAI") {
    const Json comment = json_of(texts, "Comment").value_or(Json::object());
    return read_novel_ai(comment, text_of(texts, "Description"), text_of(texts, "Source"));
  }
  if (const auto json = json_of(texts, "parameters-json"); json && json->is_object()) {
    return read_stability_matrix(*json);
  }
  return {};
}

std::optional<GenerationInfo> read_common_chunks(const std::vector<TextEntry>& texts) {
  for (const std::string_view key : {"parameters", "comment", "exif:ImageDescription"}) {
    const std::string* text = find_text(texts, key);
    if (!text) continue;
    if (strip(*text).substr(0, 1) == "{") {
      const auto json = parse_json(*text);
      auto info = json ? read_parameters_json(*json) : std::nullopt;
      if (info) return info;
    }
    if (auto info = parse_infotext(*text)) return info;
  }
  if (const auto graph = json_of(texts, "prompt")) {
    if (auto info = read_comfy_graph(*graph)) return info;
  }
  if (const auto workflow = json_of(texts, "workflow"); workflow && member(*workflow, "nodes")) {
    GenerationInfo info;  // the drawing of a graph without its values: who made it is all that it tells
    info.program = "ComfyUI";
    return info;
  }
  return {};
}

}  // namespace

std::optional<GenerationInfo> parse_generation_info(const std::vector<TextEntry>& texts) {
  std::optional<GenerationInfo> info = read_own(texts);
  if (!info) info = read_named_chunks(texts);
  if (!info) info = read_common_chunks(texts);
  if (info) info->raw = texts;
  return info;
}

}  // namespace dq::media
