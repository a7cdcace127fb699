#include "train/embedding_network.h"

#include <fmt/format.h>

#include <cmath>

#include "base/counter_random.h"
#include "base/error.h"
#include "ops/elementwise.h"
#include "tensor/gradient.h"

namespace dq::train {
namespace {

constexpr double kDisturbance = 0.1;  // of a vector's length

double length_of(const float* row, std::int64_t width) {
  double square = 0;
  for (std::int64_t i = 0; i < width; ++i)
    square += static_cast<double>(row[i]) * static_cast<double>(row[i]);
  return std::sqrt(square);
}

double mean_length(const Tensor& rows) {
  double sum = 0;
  for (std::int64_t i = 0; i < rows.dim(0); ++i)
    sum += length_of(rows.data<float>() + i * rows.dim(1), rows.dim(1));
  return sum / static_cast<double>(rows.dim(0));
}

void bring_to_length(Tensor& rows, double length) {
  for (std::int64_t i = 0; i < rows.dim(0); ++i) {
    float* row = rows.data<float>() + i * rows.dim(1);
    const double own = length_of(row, rows.dim(1));
    if (own == 0) continue;
    for (std::int64_t k = 0; k < rows.dim(1); ++k)
      row[k] = static_cast<float>(static_cast<double>(row[k]) * length / own);
  }
}

// [count, width] from the tokens' embeddings.
Tensor first_vectors(const Tensor& tokens, std::int64_t count, std::uint64_t seed) {
  const std::int64_t width = tokens.dim(1);
  Tensor out = Tensor::empty(tokens.device(), DType::kF32, {count, width});
  for (std::int64_t i = 0; i < count; ++i) {
    const float* token = tokens.data<float>() + i % tokens.dim(0) * width;
    const bool again = i >= tokens.dim(0);
    Normals normals(CounterRandom{seed, 0xe3b, static_cast<std::uint64_t>(i)});
    const double scale =
        again ? kDisturbance * length_of(token, width) / std::sqrt(static_cast<double>(width)) : 0;
    for (std::int64_t k = 0; k < width; ++k)
      out.data<float>()[i * width + k] =
          static_cast<float>(static_cast<double>(token[k]) + scale * normals.next());
  }
  return out;
}

}  // namespace

EmbeddingNetwork::EmbeddingNetwork(const LoadedParts& parts, const TrainRequest& request)
    : trigger_(request.trigger) {
  const EmbeddingOptions& options = request.embedding;
  const models::LearnedWord start =
      parts.text_encoder ? parts.text_encoder->word_of(options.initial) : models::LearnedWord{};
  if (start.vectors.empty()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the text encoder of {} takes no embeddings", parts.model.family->title()))
        .hint("A LoRA can learn the same: `danqing train lora`.");
  }
  for (const auto& [key, tokens] : start.vectors) {
    if (tokens.dim(0) > options.vectors) {
      warnings_.push_back(fmt::format("“{}” has {} tokens; the first {} of them start the {} vectors.",
                                      printable(options.initial, 80), tokens.dim(0), options.vectors,
                                      options.vectors));
    }
    Tensor leaf = first_vectors(tokens, options.vectors, request.seed);
    const double norm = options.keep_norm ? mean_length(leaf) : 0;
    ask_gradient(leaf);
    // A decay would pull the vectors to 0, where no word is; only who asks for it gets it.
    trained_.push_back({"embedding." + key, leaf, 1, request.optimizer_options.contains("weight_decay")});
    vectors_.push_back({key, leaf, norm});
  }
}

std::map<std::string, models::LearnedWord> EmbeddingNetwork::words() const {
  models::LearnedWord word;
  for (const Vectors& vectors : vectors_) word.vectors.emplace(vectors.key, vectors.leaf);
  return {{trigger_, word}};
}

void EmbeddingNetwork::after_step() {
  for (Vectors& vectors : vectors_) {
    if (vectors.norm > 0) bring_to_length(vectors.leaf, vectors.norm);
  }
}

Network::Contents EmbeddingNetwork::contents(DType) const {
  Contents out;
  for (const Vectors& vectors : vectors_) {
    Tensor rows = ops::copied(vectors.leaf.detached());
    if (vectors.norm > 0) bring_to_length(rows, vectors.norm);
    out.tensors.push_back(files::to_write(vectors_.size() == 1 ? "emb_params" : vectors.key, rows));
  }
  return out;
}

}  // namespace dq::train
