#include "text/clip_tokenizer.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/checked.h"
#include "base/error.h"
#include "text/byte_pair.h"
#include "text/clip_merges.h"
#include "text/unicode.h"

namespace dq::text {
namespace {

constexpr std::string_view kBegin = "<|startoftext|>";
constexpr std::string_view kEnd = "<|endoftext|>";
constexpr std::string_view kWordEnd = "</w>";
constexpr std::int32_t kByteSymbols = 256;
constexpr std::int32_t kFirstMerge = 2 * kByteSymbols;  // after the bytes and the bytes that end a word
constexpr std::size_t kMaxMerges = 1 << 20;
constexpr std::size_t kMaxTextBytes = 1 << 30;

// GPT-2's alphabet: the ids of the bytes, and the characters that stand for them in merge files. Printable
// bytes come first and stand for themselves, the others follow as U+0100, U+0101, …
struct ByteAlphabet {
  std::array<std::uint8_t, 256> id_of_byte{};
  std::array<std::uint8_t, 256> byte_of_id{};
  std::array<char32_t, 256> symbol_of_id{};
};

constexpr ByteAlphabet make_alphabet() {
  ByteAlphabet a;
  const auto is_printable = [](int b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  };
  std::size_t id = 0;
  for (const bool printable : {true, false}) {
    char32_t stand_in = 0x100;
    for (int b = 0; b < 256; ++b) {
      if (is_printable(b) != printable) continue;
      a.id_of_byte[static_cast<std::size_t>(b)] = static_cast<std::uint8_t>(id);
      a.byte_of_id[id] = static_cast<std::uint8_t>(b);
      a.symbol_of_id[id] = printable ? static_cast<char32_t>(b) : stand_in++;
      ++id;
    }
  }
  return a;
}

constexpr ByteAlphabet kAlphabet = make_alphabet();

[[noreturn]] void bad_line(std::size_t line, const std::string& why) {
  throw Error(ErrorCode::kBadFile, "line " + std::to_string(line) + " of the merges " + why)
      .hint("Take merges.txt from the folder that the text encoder came from.");
}

// Parses merges.txt:   #version: 0.2 ⏎ left SP right ⏎ left SP right ⏎ …
std::vector<Merge> parse_merges(std::string_view text) {
  std::unordered_map<std::string, std::int32_t> ids;
  for (std::int32_t id = 0; id < kByteSymbols; ++id) {
    std::string symbol;
    append_utf8(symbol, kAlphabet.symbol_of_id[static_cast<std::size_t>(id)]);
    ids.emplace(symbol, id);
    ids.emplace(symbol + std::string(kWordEnd), kByteSymbols + id);
  }
  std::vector<Merge> merges;
  std::size_t number = 0;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number;
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) bad_line(number, "has no space between two symbols");
    const std::string left(line.substr(0, space)), right(line.substr(space + 1));
    const auto a = ids.find(left), b = ids.find(right);
    if (a == ids.end() || b == ids.end()) {
      bad_line(number, "names a symbol that no earlier line makes: " + printable(line));
    }
    if (merges.size() == kMaxMerges) bad_line(number, "is one too many");
    merges.push_back({a->second, b->second});
    const auto id = kFirstMerge + static_cast<std::int32_t>(merges.size()) - 1;
    if (!ids.emplace(left + right, id).second) bad_line(number, "makes a symbol twice: " + printable(line));
  }
  return merges;
}

std::vector<Merge> built_in_merges() {
  std::vector<Merge> merges(kClipMergeCount);
  for (std::size_t i = 0; i < merges.size(); ++i) merges[i] = {kClipMerges[2 * i], kClipMerges[2 * i + 1]};
  return merges;
}

// Where the special token's text starts at or after `from`; npos when it does not come again.
struct Special {
  std::size_t at;
  bool is_begin;
};

Special find_special(std::string_view text, std::size_t from) {
  for (std::size_t at = text.find("<|", from); at != std::string_view::npos; at = text.find("<|", at + 1)) {
    if (text.substr(at).starts_with(kBegin)) return {at, true};
    if (text.substr(at).starts_with(kEnd)) return {at, false};
  }
  return {std::string_view::npos, false};
}

// The length of the special token's text that begins at `at`, or 0.
std::size_t special_length(std::u32string_view text, std::size_t at) {
  const auto matches = [&](std::string_view word) {
    const std::u32string_view here = text.substr(at, word.size());
    return std::equal(here.begin(), here.end(), word.begin(), word.end(),
                      [](char32_t a, char b) { return a == static_cast<char32_t>(b); });
  };
  return text[at] != U'<' ? 0 : matches(kBegin) ? kBegin.size() : matches(kEnd) ? kEnd.size() : 0;
}

// The length of 's 't 're 've 'm 'll 'd at `at`, or 0.
std::size_t contraction_length(std::u32string_view text, std::size_t at) {
  if (text[at] != U'\'') return 0;
  for (const std::u32string_view ending : {U"s", U"t", U"re", U"ve", U"m", U"ll", U"d"}) {
    if (text.substr(at + 1).starts_with(ending)) return ending.size() + 1;
  }
  return 0;
}

// The end of the word that begins at `at`, which is not a space: one number, or a run of letters, or a run of
// anything else.
std::size_t word_end(std::u32string_view text, std::size_t at) {
  if (const std::size_t n = contraction_length(text, at)) return at + n;
  const CharClass kind = char_class(text[at]);
  std::size_t end = at + 1;
  if (kind == CharClass::kNumber) return end;
  while (end < text.size() && char_class(text[end]) == kind) ++end;
  return end;
}

}  // namespace

struct ClipTokenizer::Impl {
  explicit Impl(std::vector<Merge> merges) : pairs(std::move(merges), kFirstMerge) {}

  void encode_word(std::u32string_view word, std::vector<std::int32_t>& out) const {
    std::vector<std::int32_t> symbols;
    for (const char byte : encode_utf8(word)) {
      symbols.push_back(kAlphabet.id_of_byte[static_cast<unsigned char>(byte)]);
    }
    symbols.back() += kByteSymbols;
    pairs.apply(symbols);
    out.insert(out.end(), symbols.begin(), symbols.end());
  }

  // A text without special tokens.
  void encode_plain(std::string_view bytes, std::vector<std::int32_t>& out) const {
    const std::u32string text = lower_case(compose(decode_utf8(bytes)));
    const std::u32string_view view = text;
    for (std::size_t i = 0; i < view.size();) {
      if (char_class(view[i]) == CharClass::kSpace) {
        ++i;
        continue;
      }
      // Special tokens are found before lower case, so "<|ENDOFTEXT|>" is three words: "<|", "endoftext",
      // "|>".
      if (const std::size_t n = special_length(view, i)) {
        encode_word(view.substr(i, 2), out);
        encode_word(view.substr(i + 2, n - 4), out);
        encode_word(view.substr(i + n - 2, 2), out);
        i += n;
        continue;
      }
      const std::size_t end = word_end(view, i);
      encode_word(view.substr(i, end - i), out);
      i = end;
    }
  }

  BytePairs pairs;
};

ClipTokenizer::ClipTokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
ClipTokenizer::ClipTokenizer(std::string_view merges_text)
    : impl_(std::make_unique<const Impl>(parse_merges(merges_text))) {}
ClipTokenizer::~ClipTokenizer() = default;
ClipTokenizer::ClipTokenizer(ClipTokenizer&&) noexcept = default;
ClipTokenizer& ClipTokenizer::operator=(ClipTokenizer&&) noexcept = default;

ClipTokenizer ClipTokenizer::built_in() {
  return ClipTokenizer(std::make_unique<const Impl>(built_in_merges()));
}

std::int32_t ClipTokenizer::vocabulary_size() const {
  return kFirstMerge + static_cast<std::int32_t>(impl_->pairs.merges().size()) + 2;
}

std::vector<std::int32_t> ClipTokenizer::encode(std::string_view text) const {
  if (text.size() > kMaxTextBytes) throw Error(ErrorCode::kInvalidArgument, "the text is longer than 1 GiB");
  std::vector<std::int32_t> out;
  std::size_t from = 0;
  while (true) {
    const Special special = find_special(text, from);
    impl_->encode_plain(text.substr(from, special.at - from), out);
    if (special.at == std::string_view::npos) return out;
    out.push_back(special.is_begin ? begin_token() : end_token());
    from = special.at + (special.is_begin ? kBegin : kEnd).size();
  }
}

std::string ClipTokenizer::decode(std::int32_t id) const {
  if (id < 0 || id >= vocabulary_size()) {
    throw Error(ErrorCode::kInvalidArgument, "token " + std::to_string(id) + " is not in the vocabulary");
  }
  if (id == begin_token()) return std::string(kBegin);
  if (id == end_token()) return std::string(kEnd);
  std::string out;
  std::vector<std::int32_t> rest = {id};
  while (!rest.empty()) {
    const std::int32_t top = rest.back();
    rest.pop_back();
    if (top >= kFirstMerge) {
      const Merge& merge = impl_->pairs.merges()[static_cast<std::size_t>(top - kFirstMerge)];
      rest.push_back(merge.right);
      rest.push_back(merge.left);
      continue;
    }
    out.push_back(static_cast<char>(kAlphabet.byte_of_id[static_cast<std::size_t>(top % kByteSymbols)]));
    if (top >= kByteSymbols) out.push_back(' ');
  }
  return out;
}

std::string ClipTokenizer::merges_text() const {
  std::string out = "#version: 0.2\n";
  const std::vector<Merge>& merges = impl_->pairs.merges();
  const auto put = [&](std::int32_t id) {
    std::int32_t last = id;
    while (last >= kFirstMerge) last = merges[static_cast<std::size_t>(last - kFirstMerge)].right;
    std::string bytes = decode(id);
    if (last >= kByteSymbols) bytes.pop_back();
    for (const char byte : bytes) {
      append_utf8(out, kAlphabet.symbol_of_id[kAlphabet.id_of_byte[static_cast<unsigned char>(byte)]]);
    }
    if (last >= kByteSymbols) out += kWordEnd;
  };
  for (const Merge& merge : merges) {
    put(merge.left);
    out.push_back(' ');
    put(merge.right);
    out.push_back('\n');
  }
  return out;
}

}  // namespace dq::text
