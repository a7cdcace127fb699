#include "mini/bpe_trainer.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_set>

#include "base/error.h"
#include "mini/captions.h"
#include "text/unicode.h"

namespace dq::mini {
namespace {

constexpr std::int32_t kByteSymbols = 256;  // ids from here to twice of it end a word
constexpr std::int32_t kFirstMerge = 2 * kByteSymbols;

using Pair = std::pair<std::int32_t, std::int32_t>;

struct Entry {
  std::vector<std::int32_t> symbols;
  std::int64_t times;
};

// Learns one merge after the other; keeps the count of every pair and where it occurs.
class Merger {
 public:
  explicit Merger(std::vector<Entry> words) : words_(std::move(words)) {
    for (std::int32_t id = 0; id < kFirstMerge; ++id) made_.insert(spelling(id));
    Changes changes;
    for (std::size_t w = 0; w < words_.size(); ++w) count(w, +1, changes);
    apply(changes);
  }

  // False when no pair is left.
  bool step() {
    while (!queue_.empty()) {
      const auto [negative, left, right] = *queue_.begin();
      // CLIP's form names a symbol by its text: a text made in two ways would be two symbols of one name.
      if (made_.insert(spelling(left) + spelling(right)).second) {
        join({left, right});
        return true;
      }
      queue_.erase(queue_.begin());
      banned_.insert({left, right});
    }
    return false;
  }

  const std::vector<Pair>& merges() const { return merges_; }

 private:
  // The bytes of a symbol, as ids below 256, and a last one for "ends a word": unlike any other symbol's.
  std::u32string spelling(std::int32_t id) const {
    if (id >= kFirstMerge) {
      const Pair& pair = merges_[static_cast<std::size_t>(id - kFirstMerge)];
      return spelling(pair.first) + spelling(pair.second);
    }
    return std::u32string(1, static_cast<char32_t>(id));
  }

  using Changes = std::map<Pair, std::int64_t>;

  void count(std::size_t word, int sign, Changes& changes) {
    const Entry& entry = words_[word];
    for (std::size_t i = 0; i + 1 < entry.symbols.size(); ++i) {
      const Pair pair{entry.symbols[i], entry.symbols[i + 1]};
      changes[pair] += sign * entry.times;
      // Words that lost the pair stay listed: looking at one in vain costs little.
      if (sign > 0) pairs_[pair].places.insert(word);
    }
  }

  void apply(const Changes& changes) {
    for (const auto& [pair, by] : changes) {
      if (by == 0) continue;
      Count& count = pairs_[pair];
      if (count.times > 0) queue_.erase({-count.times, pair.first, pair.second});
      count.times += by;
      if (count.times > 0 && !banned_.contains(pair)) queue_.insert({-count.times, pair.first, pair.second});
    }
  }

  void join(const Pair& pair) {
    const auto made = kFirstMerge + static_cast<std::int32_t>(merges_.size());
    merges_.push_back(pair);
    const std::unordered_set<std::size_t> places = pairs_[pair].places;
    Changes changes;
    for (const std::size_t word : places) {
      std::vector<std::int32_t>& symbols = words_[word].symbols;
      std::vector<std::int32_t> joined;
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        const bool is_here = i + 1 < symbols.size() && Pair{symbols[i], symbols[i + 1]} == pair;
        joined.push_back(is_here ? made : symbols[i]);
        i += is_here;
      }
      if (joined.size() == symbols.size()) continue;
      count(word, -1, changes);
      symbols = std::move(joined);
      count(word, +1, changes);
    }
    apply(changes);
    pairs_.erase(pair);
  }

  struct Count {
    std::int64_t times = 0;
    std::unordered_set<std::size_t> places;
  };

  std::vector<Entry> words_;
  std::vector<Pair> merges_;
  std::map<Pair, Count> pairs_;
  std::set<std::tuple<std::int64_t, std::int32_t, std::int32_t>> queue_;  // most frequent first
  std::set<Pair> banned_;
  std::set<std::u32string> made_;
};

bool is_letter(char32_t c) {
  return text::char_class(c) == text::CharClass::kLetter;
}

}  // namespace

BpeTrainer::BpeTrainer() : bytes_("") {}

void BpeTrainer::add(const std::string& marked_caption, std::int64_t times) {
  std::string_view rest = marked_caption;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(kPartMark), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    if (part.empty()) continue;
    // Two parts that meet letter to letter are one word to the tokenizer; only the second one ends it.
    std::size_t next = 0;
    while (next < rest.size() && rest[next] == kPartMark) ++next;
    const std::u32string before = text::decode_utf8(part), after = text::decode_utf8(rest.substr(next));
    const bool goes_on = !after.empty() && is_letter(before.back()) && is_letter(after.front());
    Word word;
    const std::vector<std::int32_t> ids = bytes_.encode(part);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool ends_word = ids[i] >= kByteSymbols;
      word.push_back(ends_word && goes_on && i + 1 == ids.size() ? ids[i] - kByteSymbols : ids[i]);
      if (!ends_word) continue;
      words_[word] += times;
      word.clear();
    }
  }
}

std::string BpeTrainer::merges(int vocabulary) const {
  std::vector<Entry> words;
  for (const auto& [word, times] : words_) words.push_back({word, times});
  Merger merger(std::move(words));
  const int wanted = vocabulary - kFirstMerge - 2;
  for (int i = 0; i < wanted; ++i) {
    if (!merger.step()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "the captions yield only " + std::to_string(i) + " merges of " + std::to_string(wanted))
          .hint("Add captions, or ask for a smaller vocabulary.");
    }
  }
  // GPT-2's alphabet: ids below 188 are the printable bytes and stand for themselves, the others follow as
  // U+0100, U+0101, …
  constexpr std::int32_t kPrintable = 188;
  std::vector<std::string> names;
  for (std::int32_t id = 0; id < kFirstMerge; ++id) {
    const std::int32_t byte_id = id % kByteSymbols;
    const auto byte = static_cast<unsigned char>(bytes_.decode(byte_id)[0]);
    std::string name;
    text::append_utf8(
        name, byte_id < kPrintable ? char32_t{byte} : static_cast<char32_t>(0x100 + byte_id - kPrintable));
    names.push_back(id < kByteSymbols ? name : name + "</w>");
  }
  std::string out = "#version: 0.2\n";
  for (const auto& [left, right] : merger.merges()) {
    const std::string a = names[static_cast<std::size_t>(left)], b = names[static_cast<std::size_t>(right)];
    out += a + " " + b + "\n";
    names.push_back(a + b);
  }
  return out;
}

}  // namespace dq::mini
