#pragma once
// What a small model says of the words that it was taught, and what a prompt asks for beyond them. The list
// stands in its file as the text "danqing.knows":
//
//   {"format": 1,
//    "things":     [{"en": ["red apple", "apple"], "zh": ["红苹果", "苹果"], "kind": "food-fruit"}, …],
//    "colours":    [{"en": ["red"], "zh": ["红色"]}, …],
//    "shapes":     [{"en": ["circle", "circles"], "zh": ["圆形"]}, …],
//    "not_taught": [as things: what it may have heard of and cannot paint],
//    "words":      ["on", "a", "background", "背", "景", …]}
//
// The first name of a thing is its own, the others mean the same. Words are those that join the names, in
// Chinese single characters; without them nothing is said of words that are in no list.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace dq::pipeline {

inline constexpr const char* kKnownWordsKey = "danqing.knows";

class KnownWords {
 public:
  // Throws kBadFile for text that is no such list or is longer than 1 MiB.
  explicit KnownWords(std::string_view json);

  // A sentence for the person when the prompt asks for nothing that is known, for something that was not
  // taught, or in words that are not known; empty when there is nothing to say. Names nearby are given in the
  // prompt's language.
  std::string advice(std::string_view prompt) const;

  // The words of the prompt, in Chinese its characters, that are part of no name and not known by themselves.
  std::vector<std::string> unknown_words(std::string_view prompt) const;

 private:
  enum class Kind : std::uint8_t { kThing, kColour, kShape, kWord, kNotTaught };
  struct Entry {
    Kind kind{};
    std::string group;  // things alike have the same one
    std::vector<std::string> en, zh;
  };
  struct Found {
    std::size_t first = 0, count = 0;  // tokens
    const Entry* entry = nullptr;      // null: a token that is not known
  };
  void add(Entry entry);
  std::vector<Found> read(const std::vector<std::string>& tokens) const;
  const Entry* find(const std::vector<std::string>& tokens, std::size_t first, std::size_t count) const;
  static const std::string& name_of(const Entry& entry, bool chinese);
  std::vector<std::string> names(Kind kind, bool chinese) const;
  std::vector<std::string> near(const std::string& word, const Entry* entry, bool chinese) const;
  std::string what_it_knows(bool chinese) const;

  std::vector<Entry> entries_;
  std::map<std::string, std::size_t, std::less<>> by_name_;  // tokens with blanks between them
  std::size_t longest_ = 1;                                  // name, in tokens
};

// Says what KnownWords::advice has to say of a prompt, when a file's texts hold such a list; nothing for an
// empty prompt. A list that cannot be read is told.
void advise_on_words(const std::map<std::string, std::string>& texts, std::string_view prompt,
                     const Log& log);

}  // namespace dq::pipeline
