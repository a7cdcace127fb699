// Lines "[☺😀-😆{🏃‍♀️}] ; Smileys & People ; face-positive"; "#" begins a comment. The set is
// a UnicodeSet of single characters, ranges and strings in braces; a backslash quotes the next character (UTS
// 35, part 1).
#include "mini/labels.h"

#include <algorithm>

#include "base/error.h"
#include "text/unicode.h"

namespace dq::mini {
namespace {

constexpr std::size_t kMaxFileBytes = 4u << 20;
constexpr char32_t kMaxRange = 4096;
constexpr char32_t kVariation = 0xFE0F;

std::string field(std::string_view& line) {
  const std::size_t end = line.find(';');
  std::string_view text = line.substr(0, end);
  line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

void add_set(std::u32string_view set, const Label& label, Labels& out) {
  char32_t last = 0;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set[i] == U'[' || set[i] == U']' || set[i] == U' ' || set[i] == kVariation) continue;
    if (set[i] == U'{') {
      std::string text;
      for (++i; i < set.size() && set[i] != U'}'; ++i) {
        if (set[i] != kVariation) text::append_utf8(text, set[i]);
      }
      out.emplace(text, label);
      continue;
    }
    if (set[i] == U'-' && last != 0 && i + 1 < set.size() && set[i + 1] != U']') {
      const char32_t end = set[++i];
      if (end < last || end - last > kMaxRange) {
        throw Error(ErrorCode::kBadFile, "a range of labels is impossible");
      }
      for (char32_t c = last + 1; c <= end; ++c) out.emplace(text::encode_utf8({&c, 1}), label);
      last = 0;
      continue;
    }
    if (set[i] == U'\\' && i + 1 < set.size()) ++i;
    last = set[i];
    out.emplace(text::encode_utf8({&last, 1}), label);
  }
}

}  // namespace

Labels read_labels(std::string_view file) {
  if (file.size() > kMaxFileBytes) throw Error(ErrorCode::kBadFile, "the labels are larger than 4 MB");
  Labels out;
  while (!file.empty()) {
    std::string_view line = file.substr(0, file.find('\n'));
    file.remove_prefix(std::min(file.size(), line.size() + 1));
    if (!line.starts_with('[')) continue;  // also the comments
    const std::string set = field(line);
    Label label;
    label.group = field(line);
    label.subgroup = field(line);
    add_set(text::decode_utf8(set), label, out);
  }
  return out;
}

}  // namespace dq::mini
