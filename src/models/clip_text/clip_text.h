#pragma once
// CLIP's text transformer (Radford et al. 2021): causal, pre-norm, learned positions.
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nn/layers.h"

namespace dq::models::clip_text {

struct Config {
  std::int64_t width = 768, feed_forward = 3072, vocabulary = 49408, positions = 77;
  int layers = 12;
  int heads = 12;  // not in the shapes: width/64 unless the configuration says otherwise
  ops::Activation activation = ops::Activation::kQuickGelu;
};

// From a table in canonical names (names.h); nothing when this is no such encoder. The number of heads comes
// from the text "text_encoder/config.json" when the table has it.
std::optional<Config> read_config(const weights::TensorTable& table);

// Of a table's texts, those without which the encoder is read in another way: the merges of a vocabulary that
// is not CLIP's, a configuration with another number of heads.
std::map<std::string, std::string> own_texts(const weights::TensorTable& table);

class ClipText {
 public:
  ClipText(const weights::TensorTable& table, const Config& config, Device& device,
           weights::Purpose purpose = weights::Purpose::kPaint);

  const Config& config() const { return config_; }
  const weights::Parameters& parameters() const { return parameters_; }

  // Token embeddings, [tokens, width], before positions. Ids are checked.
  Tensor embed(std::span<const std::int32_t> tokens) const;

  // embedded: [N, T, width], T ≤ positions. Returns hidden state number layers − skip, [N, T, width]: skip 0
  // is the last layer's output, 1 the one before. The final norm is not applied.
  Tensor hidden(const Tensor& embedded, int skip) const;
  Tensor final_norm(const Tensor& hidden) const;

 private:
  struct Layer {
    Layer(const weights::Loader& at, const Config& config);
    ops::Affine norm1, norm2;
    nn::StackedLinear qkv;
    nn::Linear out, fc1, fc2;
  };

  Config config_;
  weights::Parameters parameters_;
  Tensor tokens_, positions_;
  std::vector<Layer> layers_;
  ops::Affine final_norm_;
};

}  // namespace dq::models::clip_text
