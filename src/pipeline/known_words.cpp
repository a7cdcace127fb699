#include "pipeline/known_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/near_names.h"
#include "text/unicode.h"

namespace dq::pipeline {
namespace {

using nlohmann::json;

constexpr std::size_t kMostBytes = 1 << 20, kMostNames = 100'000;
constexpr std::size_t kLongestPrompt = 4096;  // bytes that are looked at
constexpr std::size_t kMostTokens = 16;       // of a name
constexpr std::size_t kShown = 3;
constexpr std::size_t kLookedUp = 8;  // words of a prompt whose neighbours are searched

// Chinese, Japanese and Korean letters, which stand without blanks between words: a token each.
bool stands_alone(char32_t c) {
  return (c >= 0x2e80 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7af) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0x20000 && c <= 0x3ffff);
}

bool is_chinese(std::string_view token) {
  const std::u32string text = text::decode_utf8(token);
  return std::any_of(text.begin(), text.end(), stands_alone);
}

// Lower-case words, and single characters of Chinese; what is between them is left out.
std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> out;
  bool inside = false;
  for (const char32_t c : text::lower_case(text::decode_utf8(text.substr(0, kLongestPrompt)))) {
    const text::CharClass kind = text::char_class(c);
    const bool counts = kind == text::CharClass::kLetter || kind == text::CharClass::kNumber;
    if (!counts || stands_alone(c)) inside = false;
    if (!counts) continue;
    if (!inside) out.emplace_back();
    text::append_utf8(out.back(), c);
    inside = !stands_alone(c);
  }
  return out;
}

// Weights of words and other numbers say nothing that a model must know.
bool is_number(std::string_view token) {
  return std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string joined(const std::vector<std::string>& tokens, std::size_t first, std::size_t count) {
  std::string out;
  for (std::size_t i = first; i < first + count; ++i) out += (i > first ? " " : "") + tokens[i];
  return out;
}

// "a, b and c"; in full, or the first few "and 7 more".
std::string list_of(const std::vector<std::string>& names, std::size_t most) {
  std::string out;
  const std::size_t shown = names.size() > most ? most : names.size();
  for (std::size_t i = 0; i < shown; ++i) {
    const bool last = i + 1 == names.size();
    out += (i == 0 ? "" : last ? " and " : ", ") + printable(names[i]);
  }
  if (names.size() > shown) out += fmt::format(" and {} more", names.size() - shown);
  return out;
}

// What stands under a key of an object; null when there is nothing. Throws for what is no object.
const json* find_at(const json& object, const char* key) {
  const auto& members = object.get_ref<const json::object_t&>();
  const auto it = members.find(key);
  return it == members.end() ? nullptr : &it->second;
}

std::vector<std::string> texts_at(const json& object, const char* key) {
  const json* texts = find_at(object, key);
  return texts ? texts->get<std::vector<std::string>>() : std::vector<std::string>();
}

}  // namespace

KnownWords::KnownWords(std::string_view text) {
  if (text.size() > kMostBytes) throw Error(ErrorCode::kBadFile, "the list of known words is too long");
  try {
    const json list = json::parse(text);
    if (list.at("format") != 1) {
      throw Error(ErrorCode::kBadFile, "the list of known words is of another version");
    }
    const std::pair<const char*, Kind> kinds[] = {
        {"colours", Kind::kColour}, {"shapes", Kind::kShape}, {"things", Kind::kThing}};
    const auto add_all = [&](const char* key, Kind kind) {
      const json* all = find_at(list, key);
      if (!all) return;
      for (const json& one : all->get_ref<const json::array_t&>()) {
        const json* group = find_at(one, "kind");
        add({kind, group ? group->get_ref<const std::string&>() : "", texts_at(one, "en"),
             texts_at(one, "zh")});
      }
    };
    for (const auto& [key, kind] : kinds) add_all(key, kind);
    for (const std::string& word : texts_at(list, "words")) add({Kind::kWord, "", {word}, {}});
    add_all("not_taught", Kind::kNotTaught);
  } catch (const json::exception& e) {
    throw Error(ErrorCode::kBadFile, std::string("this is no list of known words: ") + e.what());
  }
}

// Of two entries of one name the first stays.
void KnownWords::add(Entry entry) {
  const std::size_t index = entries_.size();
  for (const auto* names : {&entry.en, &entry.zh}) {
    for (const std::string& name : *names) {
      const std::vector<std::string> tokens = tokens_of(name);
      if (tokens.empty() || tokens.size() > kMostTokens) continue;
      // A single character is too often part of another word to say that this is what is meant.
      if (entry.kind == Kind::kNotTaught && tokens.size() == 1 && is_chinese(tokens[0])) continue;
      by_name_.emplace(joined(tokens, 0, tokens.size()), index);
      longest_ = std::max(longest_, tokens.size());
    }
  }
  if (by_name_.size() > kMostNames) throw Error(ErrorCode::kBadFile, "the list of known words is too long");
  entries_.push_back(std::move(entry));
}

// The entry of a name, also in the plural: "cats", "foxes", "cherries".
const KnownWords::Entry* KnownWords::find(const std::vector<std::string>& tokens, std::size_t first,
                                          std::size_t count) const {
  const std::string name = joined(tokens, first, count);
  std::vector<std::string> forms{name};
  if (name.ends_with("s")) forms.push_back(name.substr(0, name.size() - 1));
  if (name.ends_with("es")) forms.push_back(name.substr(0, name.size() - 2));
  if (name.ends_with("ies")) forms.push_back(name.substr(0, name.size() - 3) + "y");
  for (const std::string& form : forms) {
    if (const auto it = by_name_.find(form); it != by_name_.end()) return &entries_[it->second];
  }
  return nullptr;
}

// From left to right, the longest name each time; without the numbers that are in no name.
std::vector<KnownWords::Found> KnownWords::read(const std::vector<std::string>& tokens) const {
  std::vector<Found> out;
  for (std::size_t i = 0, count = 1; i < tokens.size(); i += count) {
    Found found{i, 1, nullptr};
    for (std::size_t n = std::min(longest_, tokens.size() - i); n > 0 && !found.entry; --n) {
      found.entry = find(tokens, i, n);
      if (found.entry) found.count = n;
    }
    count = found.count;
    if (found.entry || !is_number(tokens[i])) out.push_back(found);
  }
  return out;
}

std::vector<std::string> KnownWords::unknown_words(std::string_view prompt) const {
  const std::vector<std::string> tokens = tokens_of(prompt);
  std::vector<std::string> out;
  for (const Found& found : read(tokens)) {
    if (!found.entry) out.push_back(tokens[found.first]);
  }
  return out;
}

// An entry of one language only goes by that.
const std::string& KnownWords::name_of(const Entry& entry, bool chinese) {
  const bool has_own = !(chinese ? entry.zh : entry.en).empty();
  return (chinese == has_own ? entry.zh : entry.en)[0];
}

std::vector<std::string> KnownWords::names(Kind kind, bool chinese) const {
  std::vector<std::string> out;
  for (const Entry& e : entries_) {
    const std::vector<std::string>& all = chinese ? e.zh : e.en;
    if (e.kind == kind && !all.empty()) out.push_back(all[0]);
  }
  return out;
}

// Known things written alike, then those of the kind of what was asked for.
std::vector<std::string> KnownWords::near(const std::string& word, const Entry* entry, bool chinese) const {
  std::vector<std::string> out;
  if (!chinese) out = near_names(word, names(Kind::kThing, false), kShown);
  for (const Entry& e : entries_) {
    const std::vector<std::string>& all = chinese ? e.zh : e.en;
    const bool alike = entry && e.kind == Kind::kThing && !e.group.empty() && e.group == entry->group;
    if (alike && !all.empty() && out.size() < kShown &&
        std::find(out.begin(), out.end(), all[0]) == out.end())
      out.push_back(all[0]);
  }
  return out;
}

std::string KnownWords::what_it_knows(bool chinese) const {
  const std::vector<std::string> things = names(Kind::kThing, chinese);
  std::string out = "It knows " + list_of(things, 2 * kShown);
  const std::size_t colours = names(Kind::kColour, chinese).size(),
                    shapes = names(Kind::kShape, chinese).size();
  if (colours > 0 || shapes > 0) out += fmt::format(", {} colours, {} plain shapes", colours, shapes);
  return out;
}

std::string KnownWords::advice(std::string_view prompt) const {
  const std::vector<std::string> tokens = tokens_of(prompt);
  const std::vector<Found> all = read(tokens);
  if (all.empty()) return {};
  bool is_asked = false, chinese = false, has_words = false;
  for (const Entry& e : entries_) has_words |= e.kind == Kind::kWord;
  std::vector<std::string> not_taught, unknown, nearby;
  std::size_t unknown_end = 0;  // of the last unknown token, so that characters side by side make one word
  for (const Found& found : all) {
    const std::string word = joined(tokens, found.first, found.count);
    const bool in_chinese = is_chinese(word);
    chinese |= in_chinese;
    is_asked |= found.entry && found.entry->kind <= Kind::kShape;
    if (found.entry && found.entry->kind != Kind::kNotTaught) continue;
    if (found.entry) {
      not_taught.push_back(name_of(*found.entry, in_chinese));
    } else if (in_chinese && !unknown.empty() && unknown_end == found.first) {
      unknown.back() += word;
      unknown_end = found.first + 1;
      continue;
    } else {
      unknown.push_back(word);
      unknown_end = found.first + 1;
    }
    if (not_taught.size() + unknown.size() > kLookedUp) continue;
    for (std::string& name : near(word, found.entry, in_chinese)) {
      if (std::find(nearby.begin(), nearby.end(), name) == nearby.end()) nearby.push_back(std::move(name));
    }
  }
  nearby.resize(std::min(nearby.size(), kShown));
  std::string out;
  if (!not_taught.empty()) {
    out = fmt::format("this small model was not taught {}", list_of(not_taught, kShown));
  } else if (!is_asked) {
    out = "this small model knows none of what the prompt asks for";
  } else if (has_words && !unknown.empty()) {
    out = fmt::format("this small model does not know {}", list_of(unknown, kShown));
  } else {
    return {};
  }
  if (nearby.empty()) return out + ". " + what_it_knows(chinese);
  return out + fmt::format(". Near to that it knows {}", list_of(nearby, kShown));
}

void advise_on_words(const std::map<std::string, std::string>& texts, std::string_view prompt,
                     const Log& log) {
  const auto text = texts.find(kKnownWordsKey);
  if (text == texts.end() || prompt.empty()) return;
  try {
    if (const std::string advice = KnownWords(text->second).advice(prompt); !advice.empty())
      say(log, LogLevel::kWarning, advice);
  } catch (const Error& e) {
    say(log, LogLevel::kWarning,
        fmt::format("what the model's file says of its words is passed over: {}", e.what()));
  }
}

}  // namespace dq::pipeline
