#pragma once
// Byte-pair merges in CLIP's form, learned from captions (Sennrich et al. 2016; Radford et al. 2021).
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text/clip_tokenizer.h"

namespace dq::mini {

inline constexpr int kVocabulary = 6144;  // 512 byte symbols, 5,630 merges, begin and end

class BpeTrainer {
 public:
  BpeTrainer();

  // Counts the words of a caption. Part marks (captions.h) end a part: no merge will reach from one part into
  // the next, so that "上的" and the name after it stay apart however often they meet.
  void add(const std::string& marked_caption, std::int64_t times = 1);

  std::size_t word_count() const { return words_.size(); }

  // The merges, best first, as ClipTokenizer reads them. Of two pairs met as often the one with the smaller
  // symbols is taken. Throws kInvalidArgument when the captions do not yield that many.
  std::string merges(int vocabulary = kVocabulary) const;

 private:
  using Word = std::vector<std::int32_t>;
  text::ClipTokenizer bytes_;  // no merges: it splits into words and spells them in byte symbols
  std::map<Word, std::int64_t> words_;
};

}  // namespace dq::mini
