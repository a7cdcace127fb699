#include "models/autoencoder_kl/names.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>

#include "weights/name_parts.h"

namespace dq::models::autoencoder_kl {

using weights::eat;
using weights::eat_number;
using weights::NamePair;
using weights::TensorTable;
using weights::with_front_replaced;

namespace {

constexpr std::array<std::string_view, 4> kPrefixes{"first_stage_model.", "vae.", "", "autoencoder."};

// Inside a block, diffusers → canonical. Older diffusers files call the attention's parts query, key, value,
// proj_attn; the original ones q, k, v, proj_out.
constexpr std::array<NamePair, 10> kParts{{
    {"conv_shortcut.", "nin_shortcut."},
    {"group_norm.", "norm."},
    {"to_q.", "q."},
    {"to_k.", "k."},
    {"to_v.", "v."},
    {"to_out.0.", "proj_out."},
    {"query.", "q."},
    {"key.", "k."},
    {"value.", "v."},
    {"proj_attn.", "proj_out."},
}};

std::string part(std::string_view rest) {
  return with_front_replaced(rest, kParts).value_or(std::string(rest));  // others are called alike
}

// "mid_block.resnets.1.conv1.weight" → "mid.block_2.conv1.weight"
std::optional<std::string> from_middle(std::string_view rest) {
  int i = 0;
  if (eat(rest, "attentions.") && eat_number(rest, i)) return "mid.attn_1." + part(rest);
  if (eat(rest, "resnets.") && eat_number(rest, i)) return fmt::format("mid.block_{}.{}", i + 1, part(rest));
  return std::nullopt;
}

// The rest of an encoder's or decoder's name. Decoder levels count from the other end.
std::optional<std::string> inside(std::string_view rest, int levels) {
  int level = 0, i = 0;
  if (eat(rest, "conv_norm_out.")) return fmt::format("norm_out.{}", rest);
  if (rest.starts_with("conv_in.") || rest.starts_with("conv_out.")) return std::string(rest);
  if (eat(rest, "mid_block.")) return from_middle(rest);
  const bool down = eat(rest, "down_blocks.");
  if (!down && !eat(rest, "up_blocks.")) return std::nullopt;
  if (!eat_number(rest, level)) return std::nullopt;
  const std::string block = down ? fmt::format("down.{}", level) : fmt::format("up.{}", levels - 1 - level);
  if (eat(rest, "downsamplers.0.") || eat(rest, "upsamplers.0.")) {
    return fmt::format("{}.{}.{}", block, down ? "downsample" : "upsample", rest);
  }
  if (!eat(rest, "resnets.") || !eat_number(rest, i)) return std::nullopt;
  return fmt::format("{}.block.{}.{}", block, i, part(rest));
}

TensorTable from_diffusers(const TensorTable& table) {
  int levels = 0;
  while (table.has_prefix(fmt::format("decoder.up_blocks.{}.", levels))) ++levels;
  return table.renamed([levels](std::string_view name) -> std::optional<std::string> {
    std::string_view rest = name;
    if (rest.starts_with("quant_conv.") || rest.starts_with("post_quant_conv.")) return std::string(rest);
    const bool encoder = eat(rest, "encoder.");
    if (!encoder && !eat(rest, "decoder.")) return std::nullopt;
    const std::optional<std::string> canonical = inside(rest, levels);
    if (!canonical) return std::nullopt;
    return (encoder ? "encoder." : "decoder.") + *canonical;
  });
}

}  // namespace

TensorTable locate(const TensorTable& file) {
  for (const std::string_view prefix : kPrefixes) {
    if (!file.has(std::string(prefix) + "decoder.conv_in.weight")) continue;
    const TensorTable table = prefix.empty() ? file : file.under(prefix);
    if (table.has_prefix("decoder.up_blocks.")) return from_diffusers(table);
    if (table.has_prefix("decoder.up.")) return table;
  }
  return {};
}

TensorTable with_kernels(const TensorTable& table) {
  TensorTable out;
  out.set_origin(table.origin());
  out.set_texts(table.texts());
  for (auto [name, entry] : table.entries()) {
    if (entry.shape.size() == 2 && name.find(".attn_1.") != std::string::npos) {
      entry.shape.insert(entry.shape.end(), {1, 1});
      entry.strides.insert(entry.strides.end(), {1, 1});
    }
    out.insert(name, entry);
  }
  return out;
}

}  // namespace dq::models::autoencoder_kl
