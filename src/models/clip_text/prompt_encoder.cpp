#include "models/clip_text/prompt_encoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "text/unicode.h"

namespace dq::models::clip_text {

using text::ParsedPrompt;
using text::Slot;
using text::Window;

namespace {

// ComfyUI's weighting: away from the empty prompt's encoding, z ← e + w·(z − e), token by token.
void weight_from_empty(Tensor& z, const Tensor& empty, const std::vector<Window>& windows) {
  const std::int64_t width = z.dim(2);
  float* row = z.data<float>();
  for (const Window& window : windows) {
    const float* e = empty.data<float>();
    for (const Slot& slot : window.slots) {
      if (slot.weight != 1.0f) {
        for (std::int64_t i = 0; i < width; ++i) row[i] = (row[i] - e[i]) * slot.weight + e[i];
      }
      row += width;
      e += width;
    }
  }
}

double mean(const Tensor& z) {
  double sum = 0;
  for (std::int64_t i = 0; i < z.count(); ++i) sum += static_cast<double>(z.data<float>()[i]);
  return sum / static_cast<double>(z.count());
}

// WebUI's weighting: z ← z·w, then, if asked for, scaled back to the mean it had. A window at a time.
void weight_by_product(Tensor& z, const std::vector<Window>& windows, bool keep_mean) {
  const std::int64_t width = z.dim(2);
  for (std::size_t n = 0; n < windows.size(); ++n) {
    const auto index = static_cast<std::int64_t>(n);
    Tensor window = z.slice(0, index, index + 1);
    const double before = mean(window);
    float* row = window.data<float>();
    for (const Slot& slot : windows[n].slots) {
      for (std::int64_t i = 0; i < width; ++i) row[i] *= slot.weight;
      row += width;
    }
    const double after = mean(window);
    if (!keep_mean || after == 0) continue;
    const auto scale = static_cast<float>(before / after);
    for (std::int64_t i = 0; i < window.count(); ++i) window.data<float>()[i] *= scale;
  }
}

const Tensor* vectors_for(const std::map<std::string, LearnedWord>& words, const std::string& name,
                          const std::string& key) {
  const auto word = words.find(name);
  if (word == words.end()) return nullptr;
  const auto vectors = word->second.vectors.find(key);
  return vectors == word->second.vectors.end() ? nullptr : &vectors->second;
}

std::vector<std::string> names_of(const std::map<std::string, LearnedWord>& words) {
  std::vector<std::string> names;
  names.reserve(words.size());
  for (const auto& [name, word] : words) names.push_back(name);
  return names;
}

// Adds the windows of one text to those of others: its words get the numbers that they have among all.
void append_windows(ParsedPrompt& all, ParsedPrompt one) {
  std::vector<int> numbers;
  for (const std::string& name : one.words) {
    const auto known = std::find(all.words.begin(), all.words.end(), name);
    numbers.push_back(static_cast<int>(known - all.words.begin()));
    if (known == all.words.end()) all.words.push_back(name);
  }
  for (Window& window : one.windows) {
    for (Slot& slot : window.slots) {
      if (slot.word >= 0) slot.word = numbers[static_cast<std::size_t>(slot.word)];
    }
    all.windows.push_back(window);
  }
}

}  // namespace

// Learned words' vectors instead of the rows that stand for them, by ops, so that gradients reach the
// vectors.
Tensor PromptEncoder::with_words(const Tensor& embedded, const ParsedPrompt& parsed,
                                 const std::map<std::string, LearnedWord>& words) const {
  std::vector<Tensor> tables{embedded};
  std::vector<std::int32_t> starts, rows;  // of each word's vectors among all rows; the row of each slot
  std::int64_t next = embedded.dim(0);
  for (const std::string& name : parsed.words) {
    starts.push_back(static_cast<std::int32_t>(next));
    const Tensor* vectors = vectors_for(words, name, usage_.word_key);
    tables.push_back(ops::contiguous(*vectors));
    next += vectors->dim(0);
  }
  if (starts.empty()) return embedded;
  for (const Window& window : parsed.windows) {
    for (const Slot& slot : window.slots) {
      const auto own = static_cast<std::int32_t>(rows.size());
      rows.push_back(slot.word < 0 ? own : starts[static_cast<std::size_t>(slot.word)] + slot.vector);
    }
  }
  return ops::embedding(ops::concat(tables, 0), rows);
}

Tensor PromptEncoder::encode(const ParsedPrompt& parsed, const std::map<std::string, LearnedWord>& words,
                             int clip_skip) const {
  const std::int64_t width = network_.config().width;
  std::vector<std::int32_t> tokens;
  for (const Window& window : parsed.windows) {
    for (const Slot& slot : window.slots) tokens.push_back(slot.token);
  }
  const Tensor embedded = with_words(network_.embed(tokens), parsed, words);
  const auto count = static_cast<std::int64_t>(parsed.windows.size());
  Tensor z = network_.hidden(embedded.reshape({count, text::kWindowTokens, width}), clip_skip - 1);
  return usage_.final_norm ? network_.final_norm(z) : z;
}

ParsedPrompt PromptEncoder::plain(std::string_view text,
                                  const std::map<std::string, LearnedWord>& words) const {
  const auto vectors_of = [&](std::string_view name) -> std::optional<int> {
    const Tensor* vectors = vectors_for(words, std::string(name), usage_.word_key);
    const bool fits = vectors && vectors->dim(1) == network_.config().width;
    return fits ? std::optional(static_cast<int>(vectors->dim(0))) : std::nullopt;
  };
  return text::parse_prompt(text, tokenizer_, {.reading = text::Reading::kPlain}, vectors_of,
                            usage_.pad_token, names_of(words));
}

Tensor PromptEncoder::encode_empty(int clip_skip) const {
  return encode(plain("", {}), {}, clip_skip);
}

Conditioning PromptEncoder::captions(std::span<const std::string> texts, int clip_skip,
                                     const std::map<std::string, LearnedWord>& words) const {
  std::vector<ParsedPrompt> parsed;
  std::size_t windows = 1;
  for (const std::string& text : texts) {
    parsed.push_back(plain(text, words));
    windows = std::max(windows, parsed.back().windows.size());
  }
  const Window nothing = plain("", {}).windows[0];
  ParsedPrompt all;
  for (ParsedPrompt& one : parsed) {
    one.windows.resize(windows, nothing);
    append_windows(all, std::move(one));
  }
  const auto count = static_cast<std::int64_t>(texts.size());
  return {encode(all, words, clip_skip).reshape({count, -1, network_.config().width}), {}, {}};
}

LearnedWord PromptEncoder::word_of(std::string_view text) const {
  const std::vector<std::int32_t> tokens = tokenizer_.encode(text);
  // Where the vocabulary ends, letters come apart into bytes that mean nothing by themselves.
  const auto is_unknown = [&](std::int32_t token) {
    const std::u32string letters = text::decode_utf8(tokenizer_.decode(token));
    return token >= tokenizer_.begin_token() || letters.find(U'\xFFFD') != letters.npos;
  };
  if (tokens.empty() || std::any_of(tokens.begin(), tokens.end(), is_unknown)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the text encoder's vocabulary has nothing for “{}”", printable(text, 80)))
        .hint("Use one or two common English words.");
  }
  LearnedWord word;
  word.vectors.emplace(usage_.word_key, network_.embed(tokens));
  return word;
}

Conditioning PromptEncoder::operator()(const text::PromptOptions& options, std::string_view prompt,
                                       const std::map<std::string, LearnedWord>& words, int clip_skip) const {
  std::map<std::string, std::int64_t> misfits;  // words for encoders of another width, and that width
  const auto vectors_of = [&](std::string_view name) -> std::optional<int> {
    const Tensor* vectors = vectors_for(words, std::string(name), usage_.word_key);
    if (!vectors) return std::nullopt;
    if (vectors->dim(1) != network_.config().width) {
      misfits.emplace(name, vectors->dim(1));
      return std::nullopt;
    }
    return static_cast<int>(vectors->dim(0));
  };
  const ParsedPrompt parsed =
      text::parse_prompt(prompt, tokenizer_, options, vectors_of, usage_.pad_token, names_of(words));
  Tensor z = encode(parsed, words, clip_skip);
  if (parsed.any_weight) {
    if (options.reading == text::Reading::kComfy) {
      weight_from_empty(z, encode_empty(clip_skip), parsed.windows);
    } else {
      weight_by_product(z, parsed.windows, options.normalise_mean);
    }
  }
  Conditioning out{z.reshape({1, -1, network_.config().width}), {}, parsed.warnings};
  for (const auto& [name, width] : misfits) {
    out.warnings.push_back(
        fmt::format("The embedding {} is for {}-wide text encoders, this model's is {}; it was left out.",
                    printable(name, 80), width, network_.config().width));
    // The parser could only say that it does not know the word.
    const std::string unknown = "There is no embedding called " + printable(name, 80) + ";";
    std::erase_if(out.warnings, [&](const std::string& w) { return w.starts_with(unknown); });
  }
  for (const text::AdapterTag& tag : parsed.adapters) {
    out.warnings.push_back("LoRAs in prompts are not supported yet: " + printable(tag.name) +
                           " is left out; give its file with --lora");
  }
  return out;
}

}  // namespace dq::models::clip_text
