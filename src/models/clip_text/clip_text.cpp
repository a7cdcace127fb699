#include "models/clip_text/clip_text.h"

#include <fmt/format.h>

#include "models/table_texts.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"

namespace dq::models::clip_text {

using weights::Loader;
using weights::TensorTable;

namespace {

constexpr const char* kTokens = "embeddings.token_embedding.weight";
constexpr const char* kConfigText = "text_encoder/config.json";
constexpr std::int64_t kClipVocabulary = 49408;

int default_heads(std::int64_t width) {
  return static_cast<int>(std::max<std::int64_t>(width / 64, 1));
}

// A configuration that says nothing sensible is as good as none.
std::optional<int> stated_heads(const TensorTable& table) {
  const nlohmann::json config = object_in(table.texts(), kConfigText);
  const auto heads = config.find("num_attention_heads");
  if (heads == config.end() || !heads->is_number_unsigned()) return std::nullopt;
  const auto count = heads->get<std::uint64_t>();
  const auto width = static_cast<std::uint64_t>(table.dim(kTokens, 1));
  return count > 0 && count <= width && width % count == 0 ? std::optional(static_cast<int>(count))
                                                           : std::nullopt;
}

}  // namespace

std::optional<Config> read_config(const TensorTable& table) {
  const files::TensorEntry* tokens = table.find(kTokens);
  if (!tokens || tokens->shape.size() != 2) return std::nullopt;
  Config config;
  config.vocabulary = tokens->shape[0];
  config.width = tokens->shape[1];
  config.positions = table.dim("embeddings.position_embedding.weight", 0);
  config.feed_forward = table.dim("encoder.layers.0.mlp.fc1.weight", 0);
  config.heads = default_heads(config.width);
  config.layers = 0;
  while (table.has(fmt::format("encoder.layers.{}.layer_norm1.weight", config.layers))) ++config.layers;
  if (config.layers == 0 || config.feed_forward == 0) return std::nullopt;
  config.heads = stated_heads(table).value_or(config.heads);
  return config;
}

std::map<std::string, std::string> own_texts(const TensorTable& table) {
  std::map<std::string, std::string> out;
  const auto keep = [&](const char* key) {
    const auto text = table.texts().find(key);
    if (text != table.texts().end()) out.insert(*text);
  };
  if (table.dim(kTokens, 0) != kClipVocabulary) keep("tokenizer/merges.txt");
  const auto heads = stated_heads(table);
  if (heads && *heads != default_heads(table.dim(kTokens, 1))) keep(kConfigText);
  return out;
}

ClipText::Layer::Layer(const Loader& at, const Config& config)
    : norm1(at.affine("layer_norm1", config.width)),
      norm2(at.affine("layer_norm2", config.width)),
      qkv(at.at("self_attn"), {"q_proj", "k_proj", "v_proj"}, config.width, config.width, true),
      out(at.at("self_attn.out_proj"), config.width, config.width),
      fc1(at.at("mlp.fc1"), config.width, config.feed_forward),
      fc2(at.at("mlp.fc2"), config.feed_forward, config.width) {}

ClipText::ClipText(const TensorTable& table, const Config& config, Device& device, weights::Purpose purpose)
    : config_(config) {
  const Loader at(table, device, "the CLIP text encoder", purpose);
  tokens_ = at.table_view(kTokens, {config.vocabulary, config.width});
  positions_ = at.vector("embeddings.position_embedding.weight", {config.positions, config.width});
  for (int i = 0; i < config.layers; ++i) {
    layers_.emplace_back(at.at(fmt::format("encoder.layers.{}", i)), config);
  }
  final_norm_ = at.affine("final_layer_norm", config.width);
  at.finish();
  parameters_ = at.parameters();
}

Tensor ClipText::embed(std::span<const std::int32_t> tokens) const {
  return ops::embedding(tokens_, tokens);
}

Tensor ClipText::hidden(const Tensor& embedded, int skip) const {
  const std::int64_t batch = embedded.dim(0), length = embedded.dim(1);
  if (length > config_.positions || skip < 0 || skip >= config_.layers) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} tokens, layer −{}: this text encoder has {} positions and {} layers", length,
                            skip + 1, config_.positions, config_.layers));
  }
  const Tensor positions = positions_.slice(0, 0, length).reshape({1, length, config_.width});
  const std::vector<Tensor> repeated(static_cast<std::size_t>(batch), positions);
  Tensor h = ops::add(embedded, ops::concat(repeated, 0));
  const ops::AttentionOptions attention{.heads = config_.heads, .causal = true};
  for (int i = 0; i < config_.layers - skip; ++i) {
    const Layer& layer = layers_[static_cast<std::size_t>(i)];
    const std::vector<Tensor> qkv = layer.qkv(ops::layer_norm(h, layer.norm1, 1e-5f));
    h = layer.out(ops::attention(qkv[0], qkv[1], qkv[2], attention), ops::Activation::kNone, &h);
    const Tensor inner = layer.fc1(ops::layer_norm(h, layer.norm2, 1e-5f), config_.activation);
    h = layer.fc2(inner, ops::Activation::kNone, &h);
  }
  return h;
}

Tensor ClipText::final_norm(const Tensor& hidden) const {
  return ops::layer_norm(hidden, final_norm_, 1e-5f);
}

}  // namespace dq::models::clip_text
