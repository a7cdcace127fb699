#pragma once
// The prompt language: a person's text → windows of 77 tokens with weights, for any CLIP-like text encoder.
// Two readings exist: that of ComfyUI (its SDTokenizer), and that of AUTOMATIC1111's WebUI and Forge
// (modules/prompt_parser.py). README.md says how they differ.
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dq::text {

class ClipTokenizer;

enum class Reading : std::uint8_t {
  kComfy,
  kA1111,
  kPlain,  // every character is text, but for learned words by their names: captions of training pictures
};

struct PromptOptions {
  Reading reading = Reading::kComfy;
  // kA1111 only, for the text encoder: after weighting, scale so that the mean is what it was ("Original");
  // false is Forge's "No norm". parse_prompt itself does not look at it.
  bool normalise_mean = true;
};

constexpr int kWindowTokens = 77;  // begin, 75 of the prompt, end
constexpr int kPromptTokens = kWindowTokens - 2;
constexpr std::size_t kMaxPromptBytes = 1 << 20;
constexpr std::size_t kMaxPromptTokens = 1 << 20;
constexpr std::size_t kMaxNesting = 1'000;
constexpr double kMaxWeight = 1'000;  // weights are cut to ±this, with a warning

// One position of the encoder's input. Where word ≥ 0, the position takes vector `vector` of the learned word
// ParsedPrompt::words[word] in place of the embedding of `token`, which is then 0.
struct Slot {
  std::int32_t token = 0;
  float weight = 1;
  int word = -1;
  int vector = 0;
};

// begin, up to 75 slots of the prompt, end, pads. Begin, end and pads have weight 1.
struct Window {
  std::array<Slot, kWindowTokens> slots;
};

// <lora:name:0.8> or <lora:name:0.8:0.5>: taken out of the text, in the order written. Of two strengths, the
// first is the model's in ComfyUI's reading (as its prompt nodes have it), the text encoder's in A1111's.
struct AdapterTag {
  std::string name;
  double model_strength = 1;
  double text_strength = 1;                    // the same as the model's when one strength is given
  std::map<std::string, std::string> options;  // named ones that are not strengths: "lbw", "start", …
};

struct ParsedPrompt {
  std::vector<Window> windows;             // at least one
  std::vector<std::string> words;          // learned words used, each once
  std::vector<AdapterTag> adapters;        // both readings
  std::vector<std::string> warnings;       // finished sentences for the person
  std::vector<std::string> unknown_words;  // kComfy: names after "embedding:" that nobody knows, each once
  int token_count = 0;      // of the prompt itself: without begin, end, pads; a learned vector counts one
  bool any_weight = false;  // some slot's weight is not 1
};

// How many vectors the learned word `name` has for this encoder; nothing when there is no such word.
// Called with names as written; it decides about case and file endings.
using VectorsOf = std::function<std::optional<int>(std::string_view name)>;

// The windows of a prompt. `pad_token` fills a window after its end token (49407 for CLIP-L, 0 for OpenCLIP).
// In A1111's reading and the plain one learned words stand in the text like any other, in any case: list
// their names in `known_words`. The plain one takes them only where they stand by themselves (own_word.h).
// Without `vectors_of` there are no learned words. Invalid UTF-8 becomes U+FFFD. Throws kInvalidArgument when
// the prompt has more than kMaxPromptBytes or kMaxPromptTokens, or is nested deeper than kMaxNesting.
ParsedPrompt parse_prompt(std::string_view prompt, const ClipTokenizer& tokenizer,
                          const PromptOptions& options, const VectorsOf& vectors_of, int pad_token = 49407,
                          const std::vector<std::string>& known_words = {});

}  // namespace dq::text
