#include "models/clip_text/names.h"

#include <string>

namespace dq::models::clip_text {

weights::TensorTable locate(const weights::TensorTable& file, std::span<const std::string_view> prefixes) {
  for (const std::string_view prefix : prefixes) {
    for (const std::string_view inner : {"text_model.", ""}) {
      const std::string full = std::string(prefix) + std::string(inner);
      if (!file.has(full + "embeddings.token_embedding.weight")) continue;
      weights::TensorTable table = full.empty() ? file : file.under(full);
      // The projection stands beside text_model, not in it.
      const std::string projection = std::string(prefix) + "text_projection.weight";
      if (!inner.empty() && file.has(projection)) {
        table.join(file.under(std::string(prefix) + "text_projection."), "text_projection.");
      }
      return table;
    }
  }
  return {};
}

}  // namespace dq::models::clip_text
