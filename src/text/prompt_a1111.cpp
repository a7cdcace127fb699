// The reading of AUTOMATIC1111's WebUI and Forge: "( )" ×1.1, "[ ]" ÷1.1, "(text:w)" ×w, "\" makes the next
// bracket text, BREAK starts a new chunk, "#" hides the rest of a line, learned words stand by their names.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "text/prompt_parts.h"
#include "text/unicode.h"

namespace dq::text {
namespace {

constexpr std::u32string_view kBreak = U"BREAK";
constexpr std::size_t kCommaBacktrack = 20;  // tokens after a comma that may move to the next chunk

// Texts in order; weights are kept apart, for brackets multiply ranges of them.
struct Weighted {
  std::vector<std::u32string> texts;
  std::vector<double> weights;
  std::vector<bool> breaks;

  std::size_t size() const { return texts.size(); }
  void put(std::u32string_view text, bool is_break = false) {
    texts.emplace_back(text);
    weights.push_back(1.0);
    breaks.push_back(is_break);
  }
  void multiply(std::size_t from, double factor) {
    for (std::size_t i = from; i < weights.size(); ++i) weights[i] *= factor;
  }
};

class Parser {
 public:
  Parser(std::u32string_view text, ParsedPrompt& result) : text_(text), result_(result) {}

  Weighted parse() {
    while (at_ < text_.size()) step();
    for (const Open& o : round_) out_.multiply(o.from, 1.1);
    for (const Open& o : square_) out_.multiply(o.from, 1 / 1.1);
    return std::move(out_);
  }

 private:
  // An open bracket: the texts from `from` on are inside. `order` counts brackets of both kinds.
  struct Open {
    std::size_t from, order;
    bool edits = false;  // a ":" or "|" stands directly inside
  };

  void step() {
    const char32_t c = text_[at_];
    if (c == U'\\') {
      const bool escapes = at_ + 1 < text_.size() &&
                           std::u32string_view(U"()[]\\").find(text_[at_ + 1]) != std::u32string_view::npos;
      out_.put(text_.substr(at_ + 1, escapes ? 1 : 0));
      at_ += escapes ? 2 : 1;
    } else if (c == U'(') {
      open(round_);
    } else if (c == U'[') {
      open(square_);
    } else if (c == U':' && close_weighted()) {
    } else if (c == U')' && !round_.empty()) {
      close(round_, 1.1);
    } else if (c == U']' && !square_.empty()) {
      if (square_.back().edits) {
        warn(result_,
             "Prompt editing [from:to:when] and alternation [a|b] are not supported yet; the text inside was "
             "taken as it stands.");
      }
      close(square_, 1 / 1.1);
    } else {
      plain();
    }
  }

  void open(std::vector<Open>& stack) {
    stack.push_back({out_.size(), order_++});
    if (stack.size() > kMaxNesting) too_deep();
    ++at_;
  }

  void close(std::vector<Open>& stack, double factor) {
    out_.multiply(stack.back().from, factor);
    stack.pop_back();
    ++at_;
  }

  // ":1.2)" with a "(" open: spaces around the number are allowed.
  bool close_weighted() {
    if (round_.empty()) return false;
    std::size_t begin = at_ + 1;
    while (begin < text_.size() && is_python_space(text_[begin])) ++begin;
    std::size_t end = begin;
    if (end < text_.size() && (text_[end] == U'+' || text_[end] == U'-')) ++end;
    while (end < text_.size() && (text_[end] == U'.' || (text_[end] >= U'0' && text_[end] <= U'9'))) ++end;
    std::size_t bracket = end;
    while (bracket < text_.size() && is_python_space(text_[bracket])) ++bracket;
    if (bracket == text_.size() || text_[bracket] != U')') return false;
    const std::optional<double> weight = parse_number(text_.substr(begin, end - begin));
    if (!weight) return false;
    at_ = bracket;
    close(round_, *weight);
    return true;
  }

  // A run without special characters, or one special character that means nothing here.
  void plain() {
    constexpr std::u32string_view kSpecial = U"\\()[]:";
    const std::size_t begin = at_;
    at_ = std::min(text_.size(), text_.find_first_of(kSpecial, begin));
    if (at_ == begin) ++at_;
    const std::u32string_view run = text_.substr(begin, at_ - begin);
    const bool in_square = !square_.empty() && (round_.empty() || square_.back().order > round_.back().order);
    if (in_square && (run == U":" || run.find(U'|') != run.npos)) square_.back().edits = true;
    split_at_breaks(run);
  }

  void split_at_breaks(std::u32string_view run) {
    std::size_t from = 0;
    for (std::size_t at = find_own_word(run, kBreak); at != run.npos; at = find_own_word(run, kBreak, from)) {
      std::size_t end = at;
      while (end > from && is_python_space(run[end - 1])) --end;
      out_.put(run.substr(from, end - from));
      out_.put(kBreak, true);
      from = at + kBreak.size();
      while (from < run.size() && is_python_space(run[from])) ++from;
    }
    out_.put(run.substr(from));
  }

  std::u32string_view text_;
  ParsedPrompt& result_;
  std::size_t at_ = 0, order_ = 0;
  std::vector<Open> round_, square_;
  Weighted out_;
};

// Learned words by the ids of their names. WebUI looks for ids, not letters: case does not matter.
class WordFinder {
 public:
  explicit WordFinder(const PromptJob& job) {
    for (const std::string& name : job.known_words) {
      const std::optional<int> vectors = vectors_of_word(job, name);
      std::vector<std::int32_t> ids = job.tokenizer.encode(name);
      if (!vectors || ids.empty()) continue;
      std::vector<Word>& same_start = words_[ids.front()];
      same_start.push_back({std::move(ids), name, *vectors});
    }
    for (auto& [first, words] : words_) {
      std::stable_sort(words.begin(), words.end(),
                       [](const Word& a, const Word& b) { return a.ids.size() > b.ids.size(); });
    }
  }

  struct Word {
    std::vector<std::int32_t> ids;
    std::string name;
    int vectors;
  };

  // The longest learned word whose name begins `tokens`, or null.
  const Word* find(std::span<const std::int32_t> tokens) const {
    const auto found = words_.find(tokens.front());
    if (found == words_.end()) return nullptr;
    for (const Word& word : found->second) {
      if (word.ids.size() <= tokens.size() && std::equal(word.ids.begin(), word.ids.end(), tokens.begin())) {
        return &word;
      }
    }
    return nullptr;
  }

 private:
  std::map<std::int32_t, std::vector<Word>> words_;
};

// Fills chunks of 75 as WebUI does.
class Chunker {
 public:
  explicit Chunker(PromptJob& job) : job_(job), words_(job) {
    const std::vector<std::int32_t> comma = job.tokenizer.encode(",");
    comma_ = comma.size() == 1 ? comma.front() : -1;
  }

  void add(std::span<const std::int32_t> tokens, float weight) {
    while (!tokens.empty()) {
      const std::int32_t token = tokens.front();
      if (token == comma_) {
        last_comma_ = chunk_.size();
      } else if (is_full() && last_comma_ && chunk_.size() - *last_comma_ <= kCommaBacktrack) {
        move_after_comma();
      }
      if (is_full()) next();
      const WordFinder::Word* word = words_.find(tokens);
      if (word) add_word(*word, weight);
      if (!word) chunk_.push_back({token, weight});
      tokens = tokens.subspan(word ? word->ids.size() : 1);
    }
  }

  void next() {
    add_window(job_, chunk_);
    // WebUI pads after the first end token, also after one that the text itself contains.
    std::array<Slot, kWindowTokens>& slots = job_.result.windows.back().slots;
    const auto is_end = [this](const Slot& s) { return s.word < 0 && s.token == job_.tokenizer.end_token(); };
    for (auto s = std::find_if(slots.begin(), slots.end(), is_end) + 1; s != slots.end(); ++s) {
      if (s->word < 0) s->token = job_.pad_token;
    }
    chunk_.clear();
    last_comma_.reset();
  }

  void finish() {
    if (!chunk_.empty() || job_.result.windows.empty()) next();
  }

 private:
  bool is_full() const { return chunk_.size() == kPromptTokens; }

  // The tokens after the last comma go to the next chunk, so that a short phrase is not cut.
  void move_after_comma() {
    const auto after = chunk_.begin() + static_cast<std::ptrdiff_t>(*last_comma_) + 1;
    const std::vector<Slot> moved(after, chunk_.end());
    chunk_.erase(after, chunk_.end());
    next();
    chunk_ = moved;
  }

  void add_word(const WordFinder::Word& word, float weight) {
    const int vectors = vectors_in_window(job_, word.name, word.vectors);
    if (chunk_.size() + static_cast<std::size_t>(vectors) > kPromptTokens) next();
    append_word(job_, word.name, vectors, weight, chunk_);
  }

  PromptJob& job_;
  WordFinder words_;
  std::int32_t comma_;
  std::vector<Slot> chunk_;
  std::optional<std::size_t> last_comma_;
};

}  // namespace

std::u32string without_comments(std::u32string_view text) {
  std::u32string out;
  bool comment = false;
  for (const char32_t c : text) {
    comment = c != U'\n' && (comment || c == U'#');
    if (!comment) out.push_back(c);
  }
  return out;
}

void parse_a1111(std::u32string_view text, PromptJob& job) {
  if (find_own_word(text, U"AND") != text.npos) {
    warn(job.result, "AND between prompts is not supported yet; it was taken as a word.");
  }
  if (text.find(U"embedding:") != text.npos) {
    warn(job.result, "\"embedding:\" is ComfyUI's way; in A1111's reading an embedding's name stands alone.");
  }
  const Weighted parts = Parser(text, job.result).parse();
  Chunker chunker(job);
  for (std::size_t i = 0; i < parts.size();) {
    if (parts.breaks[i]) {
      chunker.next();
      ++i;
      continue;
    }
    // Neighbours of one weight are one text: "(un)(even)" is one word.
    std::u32string joined;
    const std::size_t first = i;
    for (; i < parts.size() && !parts.breaks[i] && parts.weights[i] == parts.weights[first]; ++i) {
      joined += parts.texts[i];
    }
    chunker.add(job.tokenizer.encode(encode_utf8(joined)), checked_weight(parts.weights[first], job.result));
  }
  chunker.finish();
}

}  // namespace dq::text
