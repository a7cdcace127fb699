#pragma once
// Textual inversion (Gal et al. 2022): a few vectors that stand in captions where a word would, learned while
// the whole model stays as it is. The file is an embedding as WebUI and sd-scripts write it.
#include <map>
#include <string>
#include <vector>

#include "train/network.h"

namespace dq::train {

class EmbeddingNetwork final : public Network {
 public:
  // Vectors that begin as the embeddings of request.embedding.initial, token by token. When there are fewer
  // tokens they come again, disturbed by a tenth of their length (a function of the seed), so that no two
  // vectors are the same; of more tokens the first are taken, and a warning says so. The parts must have been
  // loaded with Purpose::kAdapt, the text encoder among them. Throws kUnsupported when that takes no learned
  // words, and what TextEncoder::word_of throws.
  EmbeddingNetwork(const LoadedParts& parts, const TrainRequest& request);

  // The trigger, with the leaves [vectors, width] as its vectors.
  std::map<std::string, models::LearnedWord> words() const override;
  // Each vector gets the length that they had at the start on average, unless request.embedding.keep_norm is
  // off: a vector far longer than the vocabulary's drowns the words beside it.
  void after_step() override;
  // "emb_params" [vectors, width], or a tensor for each of several encoders under its key ("clip_l"). In f32
  // whatever `dtype`: they are small, and programs expect it so. A moving average of the leaves is brought to
  // their length too.
  Contents contents(DType dtype) const override;

 private:
  struct Vectors {
    std::string key;  // of the encoder
    Tensor leaf;      // [vectors, width] f32
    double norm = 0;  // of each vector after a step; 0: any
  };

  std::string trigger_;
  std::vector<Vectors> vectors_;
};

}  // namespace dq::train
