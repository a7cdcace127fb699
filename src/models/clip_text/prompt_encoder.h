#pragma once
// From a prompt to conditioning through one CLIP encoder: windows, learned words, weights.
#include <map>
#include <string>

#include "models/clip_text/clip_text.h"
#include "models/family.h"
#include "text/clip_tokenizer.h"

namespace dq::models::clip_text {

// How a family uses its encoder.
struct Usage {
  std::string word_key = "clip_l";  // which of a learned word's vectors are for this encoder
  int pad_token = 49407;
  bool final_norm = true;  // apply the last LayerNorm to the chosen hidden state
};

class PromptEncoder final : public TextEncoder {
 public:
  PromptEncoder(ClipText network, text::ClipTokenizer tokenizer, Usage usage)
      : network_(std::move(network)), tokenizer_(std::move(tokenizer)), usage_(std::move(usage)) {}

  // Context: [1, 77·windows, width].
  Conditioning operator()(const text::PromptOptions& options, std::string_view prompt,
                          const std::map<std::string, LearnedWord>& words, int clip_skip) const override;
  Conditioning captions(std::span<const std::string> texts, int clip_skip,
                        const std::map<std::string, LearnedWord>& words = {}) const override;
  LearnedWord word_of(std::string_view text) const override;
  const weights::Parameters& parameters() const override { return network_.parameters(); }

 private:
  // [slots, width], with learned words' vectors where they belong.
  Tensor with_words(const Tensor& embedded, const text::ParsedPrompt& parsed,
                    const std::map<std::string, LearnedWord>& words) const;
  // Windows → [windows, 77, width], the hidden state that clip_skip asks for.
  Tensor encode(const text::ParsedPrompt& parsed, const std::map<std::string, LearnedWord>& words,
                int clip_skip) const;
  // A text without weights.
  text::ParsedPrompt plain(std::string_view text, const std::map<std::string, LearnedWord>& words) const;
  Tensor encode_empty(int clip_skip) const;

  ClipText network_;
  text::ClipTokenizer tokenizer_;
  Usage usage_;
};

}  // namespace dq::models::clip_text
