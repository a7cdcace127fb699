#include "models/unet/names.h"

#include <fmt/format.h>

#include <array>
#include <span>

#include "weights/name_parts.h"

namespace dq::models::unet {

using weights::eat;
using weights::eat_number;
using weights::NamePair;
using weights::TensorTable;
using weights::with_front_replaced;

namespace {

constexpr std::array<NamePair, 9> kTopLevel{{
    {"conv_in.", "input_blocks.0.0."},
    {"conv_norm_out.", "out.0."},
    {"conv_out.", "out.2."},
    {"time_embedding.linear_1.", "time_embed.0."},
    {"time_embedding.linear_2.", "time_embed.2."},
    {"add_embedding.linear_1.", "label_emb.0.0."},
    {"add_embedding.linear_2.", "label_emb.0.2."},
    {"class_embedding.linear_1.", "label_emb.0.0."},
    {"class_embedding.linear_2.", "label_emb.0.2."},
}};

constexpr std::array<NamePair, 6> kResidualBlock{{
    {"norm1.", "in_layers.0."},
    {"conv1.", "in_layers.2."},
    {"time_emb_proj.", "emb_layers.1."},
    {"norm2.", "out_layers.0."},
    {"conv2.", "out_layers.3."},
    {"conv_shortcut.", "skip_connection."},
}};

constexpr std::array<std::string_view, 5> kPrefixes{"model.diffusion_model.", "unet.", "diffusion_model.",
                                                    "model.model.", ""};

// "resnets.1.conv1.weight" or "attentions.0.norm.weight" inside canonical block `block`; the slot says which
// sub-module of the block the kind is.
std::optional<std::string> inside_block(std::string_view kind_rest, bool resnet, const std::string& block) {
  if (!resnet) return fmt::format("{}.1.{}", block, kind_rest);
  const auto part = with_front_replaced(kind_rest, kResidualBlock);
  if (!part) return std::nullopt;
  return fmt::format("{}.0.{}", block, *part);
}

std::optional<std::string> from_middle(std::string_view rest) {
  int i = 0;
  if (eat(rest, "attentions.") && eat_number(rest, i)) return fmt::format("middle_block.1.{}", rest);
  if (!eat(rest, "resnets.") || !eat_number(rest, i)) return std::nullopt;
  const auto part = with_front_replaced(rest, kResidualBlock);
  if (!part) return std::nullopt;
  return fmt::format("middle_block.{}.{}", 2 * i, *part);
}

std::optional<std::string> from_down(std::string_view rest, int residual_blocks) {
  int level = 0, i = 0;
  if (!eat_number(rest, level)) return std::nullopt;
  const int first = 1 + (residual_blocks + 1) * level;
  if (eat(rest, "downsamplers.0.conv."))
    return fmt::format("input_blocks.{}.0.op.{}", first + residual_blocks, rest);
  const bool resnet = eat(rest, "resnets.");
  if (!resnet && !eat(rest, "attentions.")) return std::nullopt;
  if (!eat_number(rest, i)) return std::nullopt;
  return inside_block(rest, resnet, fmt::format("input_blocks.{}", first + i));
}

// Up-sampling follows the attention when the block has one, so its slot is 2 or 1; `attention` says which.
std::optional<std::string> from_up(std::string_view rest, int residual_blocks, bool attention) {
  int level = 0, i = 0;
  if (!eat_number(rest, level)) return std::nullopt;
  const int first = (residual_blocks + 1) * level;
  if (eat(rest, "upsamplers.0.")) {
    return fmt::format("output_blocks.{}.{}.{}", first + residual_blocks, attention ? 2 : 1, rest);
  }
  const bool resnet = eat(rest, "resnets.");
  if (!resnet && !eat(rest, "attentions.")) return std::nullopt;
  if (!eat_number(rest, i)) return std::nullopt;
  return inside_block(rest, resnet, fmt::format("output_blocks.{}", first + i));
}

std::optional<std::string> rename(std::string_view name, int residual_blocks, bool up_has_attention) {
  if (auto top = with_front_replaced(name, kTopLevel)) return top;
  if (eat(name, "mid_block.")) return from_middle(name);
  if (eat(name, "down_blocks.")) return from_down(name, residual_blocks);
  if (eat(name, "up_blocks.")) return from_up(name, residual_blocks, up_has_attention);
  return std::nullopt;
}

}  // namespace

TensorTable canonical(const TensorTable& table) {
  if (table.has("input_blocks.0.0.weight")) return table;
  if (!table.has("conv_in.weight") || !table.has_prefix("down_blocks.0.resnets.")) return {};
  // Video networks of this shape hold a spatial and a temporal block under each name; they are another
  // network.
  if (table.has_prefix("down_blocks.0.resnets.0.spatial_res_block.")) return {};
  int residual_blocks = 0;
  while (table.has(fmt::format("down_blocks.0.resnets.{}.conv1.weight", residual_blocks))) ++residual_blocks;
  return table.renamed([&](std::string_view name) {
    std::string_view rest = name;
    int level = 0;
    const bool up = eat(rest, "up_blocks.") && eat_number(rest, level);
    const bool attention = up && table.has_prefix(fmt::format("up_blocks.{}.attentions.", level));
    return rename(name, residual_blocks, attention);
  });
}

TensorTable locate(const TensorTable& file) {
  for (const std::string_view prefix : kPrefixes) {
    if (!file.has(std::string(prefix) + "input_blocks.0.0.weight") &&
        !file.has(std::string(prefix) + "conv_in.weight")) {
      continue;
    }
    TensorTable table = canonical(prefix.empty() ? file : file.under(prefix));
    if (!table.empty()) return table;
  }
  return {};
}

namespace {

// with_front_replaced, from the second column to the first. The end of `name` counts as a dot.
std::optional<std::string> with_front_restored(std::string_view name, std::span<const NamePair> table) {
  const std::string dotted = std::string(name) + ".";
  for (const auto& [theirs, ours] : table) {
    if (!dotted.starts_with(ours)) continue;
    std::string out = std::string(theirs) + dotted.substr(ours.size());
    out.pop_back();
    return out;
  }
  return std::nullopt;
}

std::optional<std::string> prefixed(const std::string& block, const std::optional<std::string>& part) {
  return part ? std::optional(block + *part) : std::nullopt;
}

// Block number `n` of one side; slot 0 is the residual block, 1 the attention, and what re-samples stands
// alone or last.
std::optional<std::string> side_name(std::string_view rest, bool down, int n, int residual_blocks) {
  int slot = 0;
  if (n < 0 || !eat_number(rest, slot)) return std::nullopt;
  const int level = n / (residual_blocks + 1), i = n % (residual_blocks + 1);
  const std::string side = fmt::format("{}_blocks.{}.", down ? "down" : "up", level);
  constexpr std::array<NamePair, 1> kDown{{{"downsamplers.0.conv.", "op."}}},
      kUp{{{"upsamplers.0.conv.", "conv."}}};
  if (down && i == residual_blocks) return prefixed(side, with_front_restored(rest, kDown));
  if (slot == 0)
    return prefixed(fmt::format("{}resnets.{}.", side, i), with_front_restored(rest, kResidualBlock));
  if (const auto up = down ? std::nullopt : with_front_restored(rest, kUp)) return side + *up;
  return fmt::format("{}attentions.{}.{}", side, i, rest);
}

}  // namespace

std::optional<std::string> diffusers_name(std::string_view name, int residual_blocks) {
  if (auto top = with_front_restored(name, kTopLevel)) return top;
  int n = 0;
  if (eat(name, "input_blocks.") && eat_number(name, n)) return side_name(name, true, n - 1, residual_blocks);
  if (eat(name, "output_blocks.") && eat_number(name, n)) return side_name(name, false, n, residual_blocks);
  if (!eat(name, "middle_block.") || !eat_number(name, n)) return std::nullopt;
  if (n == 1) return fmt::format("mid_block.attentions.0.{}", name);
  return prefixed(fmt::format("mid_block.resnets.{}.", n / 2), with_front_restored(name, kResidualBlock));
}

}  // namespace dq::models::unet
