#pragma once
// CLIP's byte-pair tokenizer (Radford et al. 2021), id for id that of Hugging Face transformers 5.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dq::text {

class ClipTokenizer {
 public:
  // merges_text: one merge a line, two symbols in GPT-2's byte alphabet separated by one space, best first;
  // "</w>" ends a word; a first line that starts with "#version" is skipped. Ids: 256 bytes, the same 256
  // with "</w>", the merges in order, then the begin and the end token. Throws kBadFile naming the offending
  // line.
  explicit ClipTokenizer(std::string_view merges_text);
  ~ClipTokenizer();
  ClipTokenizer(ClipTokenizer&&) noexcept;
  ClipTokenizer& operator=(ClipTokenizer&&) noexcept;

  // OpenAI's vocabulary of 49,408 entries, built into the program.
  static ClipTokenizer built_in();

  // The ids of a text, without begin and end. "<|startoftext|>" and "<|endoftext|>" in the text become their
  // ids. Invalid UTF-8 becomes U+FFFD. Time grows as n log n with the longest word.
  std::vector<std::int32_t> encode(std::string_view text) const;

  // The bytes that an id stands for, a word's end as a space; begin and end as they are written in a text.
  // Throws kInvalidArgument for an id outside of the vocabulary.
  std::string decode(std::int32_t id) const;

  // The merges as the constructor reads them.
  std::string merges_text() const;

  std::int32_t vocabulary_size() const;
  std::int32_t begin_token() const { return vocabulary_size() - 2; }
  std::int32_t end_token() const { return vocabulary_size() - 1; }

 private:
  struct Impl;
  explicit ClipTokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace dq::text
