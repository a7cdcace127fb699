#include "models/unet/control_net.h"

#include <fmt/format.h>

#include "base/error.h"
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
  for (std::size_t i = 0; i < kHint.size(); ++i) h = ops::activate(hint_[i](h), ops::Activation::kSilu);
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
