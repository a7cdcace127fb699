// <lora:NAME:STRENGTH[:STRENGTH][:KEY=VALUE]…> inside a prompt, as WebUI's "extra networks" write it.
#include <vector>

#include "base/error.h"
#include "text/prompt_parts.h"
#include "text/unicode.h"

namespace dq::text {
namespace {

std::vector<std::u32string_view> split(std::u32string_view text, char32_t at) {
  std::vector<std::u32string_view> parts;
  for (std::size_t end = text.find(at); end != text.npos; end = text.find(at)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

double strength(std::u32string_view text, const std::string& name, ParsedPrompt& result) {
  if (const auto value = parse_number(text)) return *value;
  warn(result, "\"" + printable(encode_utf8(text), 40) + "\" is no strength for the LoRA " +
                   printable(name, 80) + "; 1 was taken.");
  return 1;
}

// What stands between "<lora:" and ">".
AdapterTag parse_tag(std::u32string_view text, Reading reading, ParsedPrompt& result) {
  AdapterTag tag;
  std::vector<std::u32string_view> numbers;
  std::optional<double> text_strength, model_strength;
  const std::vector<std::u32string_view> parts = split(text, U':');
  tag.name = encode_utf8(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t equals = parts[i].find(U'=');
    if (equals == parts[i].npos) {
      numbers.push_back(parts[i]);
      continue;
    }
    const std::string key = encode_utf8(parts[i].substr(0, equals));
    const std::u32string_view value = parts[i].substr(equals + 1);
    if (key == "te") {
      text_strength = strength(value, tag.name, result);
    } else if (key == "unet") {
      model_strength = strength(value, tag.name, result);
    } else {
      tag.options[key] = encode_utf8(value);
    }
  }
  const double first = numbers.empty() ? 1 : strength(numbers[0], tag.name, result);
  const double second = numbers.size() > 1 ? strength(numbers[1], tag.name, result) : first;
  tag.model_strength = reading == Reading::kComfy ? first : second;
  tag.text_strength = reading == Reading::kComfy ? second : first;
  if (text_strength) {
    // WebUI: "te" without any second number stands for both.
    if (reading == Reading::kA1111 && numbers.size() < 2) tag.model_strength = *text_strength;
    tag.text_strength = *text_strength;
  }
  if (model_strength) tag.model_strength = *model_strength;
  if (numbers.size() > 2) {
    warn(result,
         "The LoRA tag of " + printable(tag.name, 80) + " has more than two strengths; the rest is ignored.");
  }
  return tag;
}

}  // namespace

std::u32string take_adapter_tags(std::u32string_view text, Reading reading, ParsedPrompt& result) {
  std::u32string out;
  out.reserve(text.size());
  std::size_t close = 0;  // the first ">" at or after the place we look at
  for (std::size_t i = 0; i < text.size();) {
    std::size_t colon = i + 1;
    while (text[i] == U'<' && colon < text.size() && is_word_char(text[colon])) ++colon;
    if (text[i] != U'<' || colon == i + 1 || colon >= text.size() || text[colon] != U':') {
      // No tag begins inside of the word just read, so it is passed as a whole.
      out += text.substr(i, colon - i);
      i = colon;
      continue;
    }
    if (close != text.npos && close < colon) close = text.find(U'>', colon);
    if (close == text.npos || close == colon + 1) {
      out += text.substr(i, colon - i);
      i = colon;
      continue;
    }
    const std::u32string_view kind = text.substr(i + 1, colon - i - 1);
    if (kind == U"lora" || kind == U"lyco") {
      result.adapters.push_back(parse_tag(text.substr(colon + 1, close - colon - 1), reading, result));
    } else {
      warn(result, "The tag <" + printable(encode_utf8(kind), 40) + ":…> is not known and was left out.");
    }
    i = close + 1;
  }
  return out;
}

}  // namespace dq::text
