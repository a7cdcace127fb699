#include "models/unet/control_net.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "files/parsed_weights.h"
#include "models/unet/names.h"
#include "ops/activation.h"
#include "ops/elementwise.h"
#include "weights/name_parts.h"

namespace dq::models::unet {
namespace {

using weights::eat;
using weights::eat_number;
using weights::TensorTable;

constexpr std::array<std::string_view, 4> kPrefixes{"", "control_model.", "controlnet.", "module."};
constexpr std::string_view kFirst = "input_hint_block.0.weight",
                           kDiffusersFirst = "controlnet_cond_embedding.conv_in.weight";

// The layers of the hint's encoder: 3×3, some of them halving.
struct HintLayer {
  std::int64_t in, out;
  int stride;
};
constexpr std::array<HintLayer, 7> kHint{
    {{3, 16, 1}, {16, 16, 1}, {16, 32, 2}, {32, 32, 1}, {32, 96, 2}, {96, 96, 1}, {96, 256, 2}}};

// What a U-Net has not; diffusers' names.
std::optional<std::string> rename_control_part(std::string_view name) {
  int i = 0;
  if (eat(name, "controlnet_cond_embedding.conv_in.")) return fmt::format("input_hint_block.0.{}", name);
  if (eat(name, "controlnet_cond_embedding.conv_out."))
    return fmt::format("input_hint_block.{}.{}", 2 * kHint.size(), name);
  if (eat(name, "controlnet_cond_embedding.blocks.") && eat_number(name, i))
    return fmt::format("input_hint_block.{}.{}", 2 * i + 2, name);
  if (eat(name, "controlnet_mid_block.")) return fmt::format("middle_block_out.0.{}", name);
  if (eat(name, "controlnet_down_blocks.") && eat_number(name, i))
    return fmt::format("zero_convs.{}.0.{}", i, name);
  return std::nullopt;
}

// The layers that a U-Net has not, and the shapes of their weights.
std::map<std::string, Shape> own_layers(const Config& config) {
  std::map<std::string, Shape> out;
  for (std::size_t i = 0; i < kHint.size(); ++i)
    out[fmt::format("input_hint_block.{}", 2 * i)] = {kHint[i].out, kHint[i].in, 3, 3};
  out[fmt::format("input_hint_block.{}", 2 * kHint.size())] = {config.model_channels, kHint.back().out, 3, 3};
  int n = 0;
  const auto zero = [&](std::int64_t c) { out[fmt::format("zero_convs.{}.0", n++)] = {c, c, 1, 1}; };
  std::int64_t channels = config.model_channels;
  zero(channels);
  for (std::size_t l = 0; l < config.levels.size(); ++l) {
    channels = config.levels[l].channels;
    for (std::size_t i = 0; i < config.levels[l].input_depths.size(); ++i) zero(channels);
    if (l + 1 < config.levels.size()) zero(channels);
  }
  out["middle_block_out.0"] = {channels, channels, 1, 1};
  return out;
}

TensorTable in_canonical_names(const TensorTable& table) {
  if (table.has(kFirst)) return table;
  TensorTable out = canonical(table);
  out.join(table.renamed(rename_control_part), "");
  return out;
}

}  // namespace

TensorTable locate_control_net(const TensorTable& file) {
  for (const std::string_view prefix : kPrefixes) {
    if (!file.has(std::string(prefix) + std::string(kFirst)) &&
        !file.has(std::string(prefix) + std::string(kDiffusersFirst))) {
      continue;
    }
    if (file.has("difference")) {
      throw Error(ErrorCode::kUnsupported,
                  "this control net holds only the differences to a U-Net, which is not read yet")
          .in(file.origin())
          .hint("Use the whole one; it is usually offered beside it");
    }
    return in_canonical_names(prefix.empty() ? file : file.under(prefix));
  }
  return {};
}

TensorTable fresh_control_net(const TensorTable& unet, const Config& config) {
  TensorTable out;
  out.set_origin("a fresh control net");
  for (const auto& [name, entry] : unet.entries()) {
    if (name.starts_with("time_embed.") || name.starts_with("label_emb.") ||
        name.starts_with("input_blocks.") || name.starts_with("middle_block."))
      out.insert(name, entry);
  }
  const std::map<std::string, Shape> layers = own_layers(config);
  std::int64_t most = 0;
  for (const auto& [name, shape] : layers) most = std::max(most, element_count(shape));
  const auto zeros = MappedFile::zeros(static_cast<std::size_t>(most) * sizeof(float), out.origin());
  const auto add = [&](const std::string& name, const Shape& shape) {
    out.insert(name, {.name = name,
                      .dtype = DType::kF32,
                      .shape = shape,
                      .strides = files::row_major_strides(shape),
                      .file = zeros,
                      .offset = 0,
                      .bytes = static_cast<std::uint64_t>(element_count(shape)) * sizeof(float)});
  };
  for (const auto& [name, shape] : layers) {
    add(name + ".weight", shape);
    add(name + ".bias", {shape[0]});
  }
  return out;
}

std::optional<std::string> diffusers_control_name(std::string_view name, int residual_blocks) {
  int i = 0;
  std::string_view rest = name;
  if (eat(rest, "input_hint_block.") && eat_number(rest, i)) {
    if (i == 0) return fmt::format("controlnet_cond_embedding.conv_in.{}", rest);
    if (i == 2 * static_cast<int>(kHint.size()))
      return fmt::format("controlnet_cond_embedding.conv_out.{}", rest);
    return fmt::format("controlnet_cond_embedding.blocks.{}.{}", i / 2 - 1, rest);
  }
  rest = name;
  if (eat(rest, "zero_convs.") && eat_number(rest, i) && eat(rest, "0."))
    return fmt::format("controlnet_down_blocks.{}.{}", i, rest);
  rest = name;
  if (eat(rest, "middle_block_out.0.")) return fmt::format("controlnet_mid_block.{}", rest);
  return diffusers_name(name, residual_blocks);
}

UnetControlNet::UnetControlNet(const TensorTable& table, const Config& config, Device& device,
                               weights::Purpose purpose) {
  const weights::Loader at(table, device, "the control net", purpose);
  for (std::size_t i = 0; i < kHint.size(); ++i) {
    hint_[i] = nn::Conv2d(at.at(fmt::format("input_hint_block.{}", 2 * i)), kHint[i].in, kHint[i].out, 3,
                          kHint[i].stride);
  }
  hint_[kHint.size()] = nn::Conv2d(at.at(fmt::format("input_hint_block.{}", 2 * kHint.size())),
                                   kHint.back().out, config.model_channels, 3);
  way_down_ = WayDown(at, config);
  for (const std::int64_t channels : way_down_.skip_channels())
    zero_convs_.emplace_back(at.at(fmt::format("zero_convs.{}.0", zero_convs_.size())), channels, channels,
                             1);
  const std::int64_t deepest = config.levels.back().channels;
  middle_out_ = nn::Conv2d(at.at("middle_block_out.0"), deepest, deepest, 1);
  at.finish();
  parameters_ = at.parameters();
}

Tensor UnetControlNet::encode(const Tensor& picture) const {
  Tensor h = picture;
  for (std::size_t i = 0; i < kHint.size(); ++i) {
    const Tensor y = hint_[i](h);
    h = {};  // at the picture's full size, two maps are enough
    h = ops::activate(y, ops::Activation::kSilu);
  }
  return hint_[kHint.size()](h);
}

std::vector<Tensor> UnetControlNet::operator()(const DenoiserInput& input, const Tensor& hint) const {
  const std::int64_t images = input.x.dim(0);
  if (hint.dim(1) != input.x.dim(2) || hint.dim(2) != input.x.dim(3) ||
      (hint.dim(0) != 1 && hint.dim(0) != images)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("a control picture of {}x{} cells, {} of them, for {} latents of {}x{}",
                            hint.dim(2), hint.dim(1), hint.dim(0), images, input.x.dim(3), input.x.dim(2)));
  }
  Tensor each = hint;
  if (hint.dim(0) != images) {
    const std::vector<Tensor> rows(static_cast<std::size_t>(images), hint);
    each = ops::concat(rows, 0);
  }
  const Tensor time = way_down_.time_embedding(input);
  std::vector<Tensor> out = way_down_(input.x, time, input, &each);
  const Tensor middle = way_down_.middle(out.back(), time, input);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = zero_convs_[i](out[i]);
  out.push_back(middle_out_(middle));
  return out;
}

}  // namespace dq::models::unet
