#include "train/trigger.h"

#include <fmt/format.h>

#include <array>
#include <istream>
#include <ostream>

#include "base/error.h"
#include "text/own_word.h"

namespace dq::train {
namespace {

// Different in what they say of the picture, never of the subject: what all of them share is the word's.
constexpr std::array<std::string_view, 20> kThings{
    "a photo of {}",
    "a picture of {}",
    "a photograph showing {}",
    "a close look at {}",
    "{} seen from nearby",
    "{} seen from some distance",
    "{} in the middle of the picture",
    "a sharp photo of {}",
    "a bright photo of {}",
    "a dim photo of {}",
    "a tidy picture of {}",
    "a plain snapshot of {}",
    "one photo of {}",
    "the picture shows {}",
    "an everyday picture of {}",
    "a careful picture of {}",
    "a cropped photo of {}",
    "a detailed image of {}",
    "an image with {} in it",
    "a small picture of {}",
};
constexpr std::array<std::string_view, 20> kStyles{
    "a painting in the style of {}",        "a picture in the style of {}",
    "artwork in the style of {}",           "a drawing in the style of {}",
    "an illustration in the style of {}",   "a scene in the style of {}",
    "a picture made in {} style",           "{} style artwork",
    "an image that looks like {}",          "a bright picture in the style of {}",
    "a dim picture in the style of {}",     "a close view in the style of {}",
    "a wide view in the style of {}",       "a detailed painting in the style of {}",
    "a simple painting in the style of {}", "a finished work in the style of {}",
    "a study in the style of {}",           "a cropped painting in the style of {}",
    "one picture in the style of {}",       "the picture is in the style of {}",
};

}  // namespace

bool has_captions(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const fs::path& path = at->path();
    const std::string name = path.filename().string();
    if (at->is_directory(failed)) {
      // "10_words"
      const std::size_t digits = name.find_first_not_of("0123456789");
      if (digits != 0 && digits != name.npos && name[digits] == '_') return true;
    } else if (path.extension() == ".txt" || path.extension() == ".caption" || name == "metadata.jsonl") {
      return true;
    }
  }
  return false;
}

std::string ask_trigger(std::istream& in, std::ostream& out) {
  out << "The pictures have no captions. Which word shall call what they show, such as “sks cat”? [none] "
      << std::flush;
  std::string line;
  std::getline(in, line);
  const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!line.empty() && blank(line.back())) line.pop_back();
  while (!line.empty() && blank(line.front())) line.erase(0, 1);
  return line;
}

void check_word(std::string_view what, std::string_view word) {
  if (word.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "an embedding needs a word that stands for it in prompts")
        .hint("Choose one with --trigger, such as --trigger my-cat.");
  }
  constexpr std::string_view kSigns = ",()[]{}<>:|\\/\"#";
  for (const char c : word) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    if (!blank && kSigns.find(c) == std::string_view::npos) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is “{}”, and a word with {} cannot be called in a prompt", what,
                            printable(word, 80), blank ? "blanks" : fmt::format("“{}”", c)))
        .hint("Use letters, numbers, “-” and “_”, such as my-cat.");
  }
}

std::string with_word(const std::string& caption, const std::string& word) {
  if (text::holds_word(caption, word)) return caption;
  return caption.empty() ? word : word + ", " + caption;
}

std::string without_word(const std::string& caption, const std::string& word) {
  const std::string rest = text::replace_word(caption, word, "");
  constexpr std::string_view kEnds = " ,\t\r\n";
  const std::size_t first = rest.find_first_not_of(kEnds);
  if (first == std::string::npos) return "";
  return rest.substr(first, rest.find_last_not_of(kEnds) - first + 1);
}

std::string class_caption(const std::string& caption, const std::string& word, const std::string& words) {
  const std::string rest = without_word(caption, word);
  return words.empty() || text::holds_word(rest, words) ? rest : text::replace_word(caption, word, words);
}

std::string class_words(const Dataset& data, const std::string& word) {
  for (const TrainingPicture& picture : data.pictures) {
    if (picture.source != CaptionSource::kFolderName || data.regularises(picture)) continue;
    return word.empty() ? picture.caption : without_word(picture.caption, word);
  }
  return "";
}

std::string neutral_caption(const std::string& word, Subject subject, std::uint64_t draw) {
  const auto& captions = subject == Subject::kStyle ? kStyles : kThings;
  std::string caption(captions[draw % captions.size()]);
  return caption.replace(caption.find("{}"), 2, word);
}

}  // namespace dq::train
