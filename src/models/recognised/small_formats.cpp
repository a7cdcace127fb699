#include "models/recognised/small_formats.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace dq::models::recognised {
namespace {

// Embeddings that name their text encoders: the names decide.
struct NamedEmbedding {
  std::string_view needs, ecosystem;
};
constexpr NamedEmbedding kNamed[] = {
    {"clip_l clip_g t5xxl", "sd3"},
    {"clip_l clip_g", "sdxl"},
    {"text_encoders_0 text_encoders_1", "sdxl"},
    {"clip_g[1]=1280", "sdxl"},
    {"clip_l[1]=768 t5xxl", "flux1"},
};

// The others: a vector or a matrix as wide as a text encoder.
struct Width {
  std::int64_t width;
  std::string_view ecosystem, note;
};
constexpr Width kWidths[] = {
    {768, "sd1", "a CLIP-L embedding also fits the CLIP-L half of larger models"},
    {1024, "sd2", ""},
    {1280, "sdxl", "only the bigG half of the text"},
};

constexpr std::string_view kHypernetworkWidths[] = {"320", "640", "768", "1024", "1280", "2048"};

// A1111: two small networks (for keys and values) a width of attention input: "768.0.linear.0.weight".
std::optional<SmallFormat> match_hypernetwork(const Names& names) {
  for (const std::string_view width : kHypernetworkWidths) {
    const std::string needs = fmt::format("{}.0.linear.0.weight {}.1.linear.0.weight", width, width);
    if (!holds(names, needs)) continue;
    SmallFormat found{
        .role = Role::kHypernetwork, .ecosystem = "sd1", .variant = {}, .note = {}, .evidence = {}};
    if (holds(names, "1024.0.linear.0.weight !768.0.linear.0.weight")) found.ecosystem = "sd2";
    if (holds(names, "2048.0.linear.0.weight")) found.ecosystem = "sdxl";
    found.evidence = evidence(names, needs);
    return found;
  }
  return std::nullopt;
}

std::optional<SmallFormat> match_embedding(const Names& names) {
  constexpr std::size_t kMostTensors = 8;
  if (names.empty() || names.size() > kMostTensors) return std::nullopt;
  for (const NamedEmbedding& row : kNamed) {
    if (!holds(names, row.needs)) continue;
    return SmallFormat{Role::kEmbedding, row.ecosystem, "", "", evidence(names, row.needs)};
  }
  // "emb_params", "string_to_param.*", "<word>": one matrix [vectors, width]. "string_to_token" may stand
  // beside it.
  const NamedShape* matrix = nullptr;
  for (const NamedShape& entry : names.all()) {
    if (entry.name.starts_with("string_to_token")) continue;
    if (matrix || entry.shape.empty() || entry.shape.size() > 2) return std::nullopt;
    matrix = &entry;
  }
  if (!matrix) return std::nullopt;
  constexpr std::int64_t kMostVectors = 1024;  // more is a table, not a word
  if (matrix->shape.size() == 2 && matrix->shape[0] > kMostVectors) return std::nullopt;
  for (const Width& row : kWidths) {
    if (matrix->shape.back() != row.width) continue;
    const std::int64_t vectors = matrix->shape.size() == 2 ? matrix->shape[0] : 1;
    return SmallFormat{
        Role::kEmbedding,
        row.ecosystem,
        fmt::format("{} vector{}", vectors, vectors == 1 ? "" : "s"),
        std::string(row.note),
        {fmt::format("one tensor, {} [{}]", printable(matrix->name), fmt::join(matrix->shape, ", "))}};
  }
  return std::nullopt;
}

}  // namespace

std::optional<SmallFormat> match_small_format(const Names& names) {
  if (std::optional<SmallFormat> found = match_hypernetwork(names)) return found;
  return match_embedding(names);
}

}  // namespace dq::models::recognised
