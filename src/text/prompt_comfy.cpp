// ComfyUI's reading (its SDTokenizer): "(text)" ×1.1, "(text:w)" sets w, "\(" "\)" are brackets as text,
// "embedding:name" at the start or after white space is a learned word.
#include <algorithm>
#include <limits>

#include "base/error.h"
#include "text/prompt_parts.h"
#include "text/unicode.h"

namespace dq::text {
namespace {

constexpr std::u32string_view kEmbedding = U"embedding:";
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kLargeGroup = 8;  // from here, a group may be cut over windows

// Escaped brackets while brackets are looked for: two values that are no code points.
constexpr char32_t kEscapedOpen = 0x110000;
constexpr char32_t kEscapedClose = 0x110001;

std::u32string escape(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escapes =
        text[i] == U'\\' && i + 1 < text.size() && (text[i + 1] == U'(' || text[i + 1] == U')');
    out.push_back(escapes ? (text[++i] == U'(' ? kEscapedOpen : kEscapedClose) : text[i]);
  }
  return out;
}

std::u32string unescape(std::u32string_view text) {
  std::u32string out(text);
  std::replace(out.begin(), out.end(), kEscapedOpen, U'(');
  std::replace(out.begin(), out.end(), kEscapedClose, U')');
  return out;
}

// For each "(" that opens a group the place of its ")", kNone when it is never closed. A ")" too many makes
// ComfyUI count below zero, so that it and the "(" after it are text: those are not in `opens`.
struct Brackets {
  std::vector<bool> opens;
  std::vector<std::size_t> close;
};

Brackets match_brackets(std::u32string_view text) {
  Brackets b{std::vector<bool>(text.size()), std::vector<std::size_t>(text.size(), kNone)};
  std::vector<std::size_t> open;
  std::size_t surplus = 0;  // ")" too many that no "(" has made up for yet
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == U'(') {
      if (surplus > 0) {
        --surplus;
        continue;
      }
      b.opens[i] = true;
      open.push_back(i);
      if (open.size() > kMaxNesting) too_deep();
    } else if (text[i] == U')') {
      if (open.empty()) {
        ++surplus;
        continue;
      }
      b.close[open.back()] = i;
      open.pop_back();
    }
  }
  return b;
}

// A stretch of text with one weight.
struct Segment {
  std::u32string_view text;
  double weight;
};

// A part of the text being read: [at, end) is left, weight as seen inside.
struct Frame {
  std::size_t at, end;
  double weight;
};

// The inside of a group (text[open + 1, end)) and its weight: the number after the last ":" if there is one,
// else 1.1 times the weight outside.
Frame inside(std::u32string_view text, std::size_t open, std::size_t end, double weight) {
  Frame frame{open + 1, end, weight * 1.1};
  const std::u32string_view content = text.substr(open + 1, end - open - 1);
  // A number is short, so a ":" further from the end than this is not before one.
  constexpr std::size_t kReach = 512;
  std::size_t colon = content.size();
  while (colon > 0 && content.size() - colon < kReach && content[colon - 1] != U':') --colon;
  if (colon > 1 && content[colon - 1] == U':') {
    --colon;
    if (const auto number = parse_number(content.substr(colon + 1))) {
      frame.end = open + 1 + colon;
      frame.weight = *number;
    }
  }
  return frame;
}

std::vector<Segment> weigh(std::u32string_view text) {
  const Brackets brackets = match_brackets(text);
  std::vector<Segment> segments;
  std::vector<Frame> frames = {{0, text.size(), 1.0}};
  const auto put = [&](std::size_t begin, std::size_t end, double weight) {
    if (begin < end) segments.push_back({text.substr(begin, end - begin), weight});
  };
  while (!frames.empty()) {
    Frame& frame = frames.back();
    std::size_t open = frame.at;
    while (open < frame.end && !brackets.opens[open]) ++open;
    put(frame.at, open, frame.weight);
    if (open == frame.end) {
      frames.pop_back();
      continue;
    }
    const bool closed = brackets.close[open] < frame.end;
    const std::size_t end = closed ? brackets.close[open] + 1 : frame.end;
    frame.at = end;
    // An unclosed group that happens to end with ")" is taken for a closed one.
    if (end - open >= 2 && text[end - 1] == U')') {
      const Frame inner = inside(text, open, end - 1, frame.weight);
      frames.push_back(inner);
    } else {
      put(open, end, frame.weight);
    }
  }
  return segments;
}

// Fills windows as ComfyUI does: groups shorter than kLargeGroup move to the next window as a whole.
class Filler {
 public:
  explicit Filler(PromptJob& job) : job_(job) {}

  void add(std::span<const Slot> group) {
    const bool large = group.size() >= kLargeGroup;
    while (group.size() + window_.size() > kPromptTokens) {
      const std::size_t fits = large ? kPromptTokens - window_.size() : 0;
      window_.insert(window_.end(), group.begin(), group.begin() + static_cast<std::ptrdiff_t>(fits));
      group = group.subspan(fits);
      finish();
    }
    window_.insert(window_.end(), group.begin(), group.end());
  }

  void finish() {
    add_window(job_, window_);
    window_.clear();
  }

 private:
  PromptJob& job_;
  std::vector<Slot> window_;
};

void add_text(PromptJob& job, Filler& filler, std::u32string_view text, float weight) {
  std::vector<Slot> group;
  for (const std::int32_t token : job.tokenizer.encode(encode_utf8(text))) group.push_back({token, weight});
  filler.add(group);
}

// Adds the learned word called `name`, if there is one.
bool add_word(PromptJob& job, Filler& filler, std::u32string_view name, float weight) {
  const std::string utf8 = encode_utf8(name);
  const std::optional<int> vectors = vectors_of_word(job, utf8);
  if (!vectors) return false;
  std::vector<Slot> group;
  append_word(job, utf8, *vectors, weight, group);
  filler.add(group);
  return true;
}

void note_unknown(ParsedPrompt& result, std::u32string_view name) {
  const std::string utf8 = encode_utf8(name);
  std::vector<std::string>& unknown = result.unknown_words;
  constexpr std::size_t kMaxUnknown = 32;
  if (unknown.size() < kMaxUnknown && std::find(unknown.begin(), unknown.end(), utf8) == unknown.end()) {
    unknown.push_back(utf8);
  }
  warn(result, "There is no embedding called " + printable(utf8, 80) + "; it was left out.");
}

// `text` follows "embedding:". The name ends at white space, "<" or "["; commas around it are text.
void add_embedding(PromptJob& job, Filler& filler, std::u32string_view text, float weight) {
  std::size_t begin = 0;
  while (begin < text.size() && is_python_space(text[begin])) ++begin;
  std::size_t end = begin;
  while (end < text.size() && !is_python_space(text[end]) && text[end] != U'<' && text[end] != U'[') ++end;
  const std::u32string_view name = text.substr(begin, end - begin);
  std::u32string rest(text.substr(end));
  if (name.empty()) {
    warn(job.result, "\"embedding:\" in the prompt has no name after it.");
  } else if (!add_word(job, filler, name, weight)) {
    const std::size_t first = name.find_first_not_of(U',');
    const std::size_t last = name.find_last_not_of(U',');
    const std::u32string_view bare = first == name.npos ? name : name.substr(first, last - first + 1);
    if (bare.size() == name.size() || !add_word(job, filler, bare, weight)) note_unknown(job.result, bare);
    if (first != name.npos) rest.insert(0, std::u32string(name.substr(last + 1)) + U" ");
  }
  if (!rest.empty()) add_text(job, filler, rest, weight);
}

// Where the next "embedding:" after white space stands, at or after `from`; the text's size when there is
// none.
std::size_t next_embedding(std::u32string_view text, std::size_t from) {
  for (std::size_t at = text.find(kEmbedding, from); at != text.npos; at = text.find(kEmbedding, at + 1)) {
    if (at > 0 && is_python_space(text[at - 1])) return at;
  }
  return text.size();
}

}  // namespace

void parse_comfy(std::u32string_view text, PromptJob& job) {
  if (find_own_word(text, U"BREAK") != text.npos) {
    warn(job.result,
         "BREAK is plain text in ComfyUI's reading of prompts; it starts a new chunk in A1111's.");
  }
  const std::u32string escaped = escape(text);
  Filler filler(job);
  for (const Segment& segment : weigh(escaped)) {
    const float weight = checked_weight(segment.weight, job.result);
    const std::u32string plain = unescape(segment.text);
    const std::u32string_view view = plain;
    for (std::size_t at = 0; at < view.size();) {
      const std::size_t end = next_embedding(view, at + 1);
      const std::u32string_view piece = view.substr(at, end - at);
      if (job.vectors_of && piece.starts_with(kEmbedding)) {
        add_embedding(job, filler, piece.substr(kEmbedding.size()), weight);
      } else {
        add_text(job, filler, piece, weight);
      }
      at = end;
    }
  }
  filler.finish();
}

}  // namespace dq::text
