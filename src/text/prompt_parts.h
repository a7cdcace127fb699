#pragma once
// What the two readings of the prompt language share. Used inside src/text only.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/clip_tokenizer.h"
#include "text/own_word.h"
#include "text/prompt.h"

namespace dq::text {

// Everything one parse works with.
struct PromptJob {
  const ClipTokenizer& tokenizer;
  const VectorsOf& vectors_of;
  std::int32_t pad_token;
  const std::vector<std::string>& known_words;
  ParsedPrompt& result;
};

// The parsers proper. `text` has no comments and adapter tags any more. They fill result.windows and words.
void parse_comfy(std::u32string_view text, PromptJob& job);
void parse_a1111(std::u32string_view text, PromptJob& job);

// A1111's comments: from "#" to the end of the line. They go first, so that a tag inside one is gone too.
std::u32string without_comments(std::u32string_view text);

// Takes <kind:…> tags out of the text; `lora` and `lyco` become result.adapters, other kinds a warning.
std::u32string take_adapter_tags(std::u32string_view text, Reading reading, ParsedPrompt& result);

// Ends a window: begin, the slots (at most 75), end, pads. Throws when the prompt grows too long.
void add_window(PromptJob& job, std::span<const Slot> slots);

// How many of a learned word's vectors are used: as many as a window holds, with a warning when more are
// there.
int vectors_in_window(PromptJob& job, const std::string& name, int vectors);

// Adds the vectors of a learned word, all with one weight.
void append_word(PromptJob& job, const std::string& name, int vectors, float weight, std::vector<Slot>& out);

// The number of vectors of a learned word, at least 1; nothing when it is unknown.
std::optional<int> vectors_of_word(const PromptJob& job, const std::string& name);

// A weight as a slot holds it: cut to ±kMaxWeight, with a warning.
float checked_weight(double weight, ParsedPrompt& result);

// A finite decimal number as Python's float() reads it ("1", ".5", "+1e-1", " 1_0 "); nothing otherwise.
std::optional<double> parse_number(std::u32string_view text);

// White space as Python sees it: ours and U+001C … U+001F.
bool is_python_space(char32_t c);

// Adds a warning unless it is there already.
void warn(ParsedPrompt& result, std::string text);

[[noreturn]] void too_deep();

}  // namespace dq::text
