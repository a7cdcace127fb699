#include "models/unet/config.h"

#include <fmt/format.h>

namespace dq::models::unet {

using weights::TensorTable;

namespace {

// The number of transformer blocks of block `prefix` ("input_blocks.4.1").
int transformer_depth(const TensorTable& table, const std::string& prefix) {
  int depth = 0;
  while (table.has(fmt::format("{}.transformer_blocks.{}.norm1.weight", prefix, depth))) ++depth;
  return depth;
}

// Walks input_blocks: a residual block adds to the level, a down-sampling convolution ends it.
std::vector<Level> read_input_levels(const TensorTable& table) {
  std::vector<Level> levels(1);
  for (int n = 1;; ++n) {
    const std::string block = fmt::format("input_blocks.{}", n);
    if (table.has(block + ".0.op.weight")) {
      levels.emplace_back();
    } else if (table.has(block + ".0.in_layers.0.weight")) {
      levels.back().channels = table.dim(block + ".0.out_layers.3.weight", 0);
      levels.back().input_depths.push_back(transformer_depth(table, block + ".1"));
    } else {
      return levels;
    }
  }
}

// Output blocks run from the deepest level up, one more a level than on the way down.
void read_output_depths(const TensorTable& table, std::vector<Level>& levels) {
  int n = 0;
  for (std::size_t level = levels.size(); level-- > 0;) {
    for (std::size_t i = 0; i <= levels[level].input_depths.size(); ++i, ++n) {
      levels[level].output_depths.push_back(transformer_depth(table, fmt::format("output_blocks.{}.1", n)));
    }
  }
}

std::int64_t read_context_dim(const TensorTable& table) {
  for (const auto& [name, entry] : table.entries()) {
    if (name.ends_with(".transformer_blocks.0.attn2.to_k.weight") && entry.shape.size() == 2)
      return entry.shape[1];
  }
  return 0;
}

}  // namespace

std::optional<Config> read_way_down(const TensorTable& table) {
  const files::TensorEntry* first = table.find("input_blocks.0.0.weight");
  if (!first || first->shape.size() != 4 || !table.has("time_embed.0.weight")) return std::nullopt;
  Config config;
  config.model_channels = first->shape[0];
  config.in_channels = first->shape[1];
  config.vector_dim = table.dim("label_emb.0.0.weight", 1);
  config.context_dim = read_context_dim(table);
  config.levels = read_input_levels(table);
  for (const Level& level : config.levels) {
    if (level.channels <= 0) return std::nullopt;
  }
  if (table.has("middle_block.1.proj_in.weight")) {
    config.middle_depth = transformer_depth(table, "middle_block.1");
  } else {
    config.middle_depth = table.has("middle_block.0.in_layers.0.weight") ? -1 : -2;
  }
  for (const auto& [name, entry] : table.entries()) {
    if (!name.ends_with(".1.proj_in.weight")) continue;
    config.linear_projection = entry.shape.size() == 2;
    break;
  }
  return config;
}

std::optional<Config> read_config(const TensorTable& table) {
  if (!table.has("out.2.weight")) return std::nullopt;
  std::optional<Config> config = read_way_down(table);
  if (!config) return std::nullopt;
  config->out_channels = table.dim("out.2.weight", 0);
  read_output_depths(table, config->levels);
  return config;
}

}  // namespace dq::models::unet
