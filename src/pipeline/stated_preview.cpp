#include "pipeline/stated_preview.h"

#include <algorithm>

#include "pipeline/stated_json.h"

namespace dq::pipeline {
namespace {

using nlohmann::json;

bool is_colour(const json& value) {
  return value.is_array() && value.size() == 3 &&
         std::ranges::all_of(value, [](const json& v) { return v.is_number(); });
}

}  // namespace

models::LatentFormat with_stated_preview(const std::map<std::string, std::string>& texts,
                                         models::LatentFormat format) {
  const json stated = stated_json(texts, kStatedPreviewKey);
  if (!stated.is_object() || !stated.contains("rows") || !stated.contains("bias")) return format;
  const json &rows = stated.at("rows"), &bias = stated.at("bias");
  const bool fits = rows.is_array() && rows.size() == static_cast<std::size_t>(format.channels) &&
                    std::ranges::all_of(rows, is_colour) && is_colour(bias);
  if (!fits) return format;
  format.preview_rows = rows.get<std::vector<std::array<float, 3>>>();
  format.preview_bias = bias.get<std::array<float, 3>>();
  return format;
}

std::string stated_preview_text(const models::LatentFormat& format) {
  return json{{"rows", format.preview_rows}, {"bias", format.preview_bias}}.dump();
}

}  // namespace dq::pipeline
