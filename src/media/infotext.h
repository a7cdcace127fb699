#pragma once
// WebUI's "infotext", the lingua franca of image metadata:
//
//   prompt, any number of lines
//   Negative prompt: any number of lines
//   Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model hash: 6ce0161689, Lora hashes:
//   "a: b"
//
// The last line counts as settings only when at least three "key: value" pairs are in it. A key is
// \w[\w \-/]+, a value a JSON-like quoted string or anything up to a comma. (AUTOMATIC1111,
// modules/infotext_utils.py of 1.10)
#include "media/generation_info.h"

namespace dq::media {

// One pair of the settings line. `value` as it stands, quotes included.
struct InfotextPair {
  std::string key, value;
  bool operator==(const InfotextPair&) const = default;
};

struct Infotext {
  std::string prompt, negative_prompt;
  std::vector<InfotextPair> pairs;
};

Infotext split_infotext(std::string_view text);

// The pairs of one line, found as Python's re.findall finds them with WebUI's expression.
std::vector<InfotextPair> infotext_pairs(std::string_view line);

// A value without its JSON quotes; the value itself when it has none or they are broken.
std::string unquote_infotext(std::string_view value);
// A value that holds a comma, a newline or a colon as a JSON string; others as they are.
std::string quote_infotext(std::string_view value);

// Empty when the text has no settings line.
std::optional<GenerationInfo> parse_infotext(std::string_view text);

// The text WebUI would have written: the known settings in the order of its create_infotext, then `settings`
// whose keys are not among those already written. A LoRA's hash goes to "Lora hashes".
std::string write_infotext(const GenerationInfo& info);

}  // namespace dq::media
