// <ldml><annotations>
//   <annotation cp="🐕">dog | pet</annotation>            keywords
//   <annotation cp="🐕" type="tts">dog</annotation>       the name
// (Unicode Technical Standard 35, part 2.) pugixml neither loads files nor expands entities of a DTD.
#include "mini/annotations.h"

#include <pugixml.hpp>

#include "base/error.h"

namespace dq::mini {
namespace {

constexpr std::size_t kMaxFileBytes = 64u << 20;
constexpr std::size_t kMaxEntries = 1 << 16;
constexpr std::size_t kMaxTextBytes = 4096;

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> split_keywords(std::string_view text) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t bar = text.find('|');
    const std::string_view word = trim(text.substr(0, bar));
    if (!word.empty()) out.emplace_back(word);
    if (bar == std::string_view::npos) return out;
    text.remove_prefix(bar + 1);
  }
}

}  // namespace

Annotation& Annotations::entry(const std::string& characters) {
  const auto [at, is_new] = index_.emplace(characters, entries_.size());
  if (is_new) entries_.push_back({characters, {}, {}});
  return entries_[at->second];
}

void Annotations::read(Bytes file) {
  if (file.size() > kMaxFileBytes) throw Error(ErrorCode::kBadFile, "the annotations are larger than 64 MB");
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(file.data(), file.size(), pugi::parse_default);
  if (!parsed) {
    throw Error(ErrorCode::kBadFile, std::string("this is not XML: ") + parsed.description())
        .at(static_cast<std::uint64_t>(parsed.offset));
  }
  const pugi::xml_node list = document.child("ldml").child("annotations");
  if (!list) throw Error(ErrorCode::kBadFile, "the file has no <ldml><annotations>");
  for (const pugi::xml_node node : list.children("annotation")) {
    const std::string characters = node.attribute("cp").value();
    const std::string_view text = trim(node.child_value());
    if (characters.empty() || characters.size() > kMaxTextBytes || text.size() > kMaxTextBytes) continue;
    Annotation& a = entry(characters);
    if (entries_.size() > kMaxEntries) throw Error(ErrorCode::kBadFile, "the file has too many annotations");
    if (std::string_view(node.attribute("type").value()) == "tts") {
      a.name = text;
    } else {
      a.keywords = split_keywords(text);
    }
  }
}

const Annotation* Annotations::find(const std::string& characters) const {
  const auto found = index_.find(characters);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

}  // namespace dq::mini
