#pragma once
// The word that a subject or an embedding is called by, and the captions that it stands in.
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>

#include "train/dataset.h"

namespace dq::train {

// Do the pictures of this folder or its sub-folders come with captions: text files, metadata.jsonl, folders
// that name their subject? False for a folder that cannot be read.
bool has_captions(const std::filesystem::path& folder);
// Asks what should call the subject and takes one line, without blanks around it; empty: nothing.
std::string ask_trigger(std::istream& in, std::ostream& out);

// Throws kInvalidArgument when prompts could not call a word by this name: empty, with blanks, commas,
// brackets or other signs that mean something in prompts or paths. `what` says whose it is ("--trigger").
void check_word(std::string_view what, std::string_view word);

// The caption, with the word in front when it does not stand in it by itself.
std::string with_word(const std::string& caption, const std::string& word);
// The caption without it, and without the commas and blanks that are left at the ends.
std::string without_word(const std::string& caption, const std::string& word);
// The caption with `words` for it, or without it where they stand there already ("sks cat", "sks", "cat":
// "cat").
std::string class_caption(const std::string& caption, const std::string& word, const std::string& words);

// What the pictures' folder says they show besides the word ("10_sks cat": "cat"); empty when it says
// nothing.
std::string class_words(const Dataset& data, const std::string& word);

// What captions of pictures that have none are made from.
enum class Subject : std::uint8_t {
  kThing,  // "a photo of fox": the word names what is seen
  kStyle,  // "a painting in the style of fox": it names how it is painted
};
// A caption that says nothing but the word: one of about twenty, in the sense of Gal et al. 2022. The same
// `draw` gives the same one, and 0 the plainest.
std::string neutral_caption(const std::string& word, Subject subject, std::uint64_t draw);

}  // namespace dq::train
