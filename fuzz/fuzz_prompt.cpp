// The prompt language in both readings: the first byte chooses reading and pad token, the rest is the prompt.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/clip_tokenizer.h"
#include "text/prompt.h"

namespace {

using namespace dq::text;

void check(bool ok) {
  if (!ok) std::abort();
}

// Names that begin with "e" are learned words of 1 to 9 vectors; "many" has more than a window holds.
std::optional<int> vectors_of(std::string_view name) {
  if (name == "many") return 200;
  if (!name.starts_with('e')) return std::nullopt;
  return static_cast<int>(name.size() % 9) + 1;
}

void check_window(const Window& window, const ParsedPrompt& parsed, const ClipTokenizer& clip) {
  check(window.slots[0].token == clip.begin_token());
  bool ends = false;
  for (const Slot& slot : window.slots) {
    check(slot.token >= 0 && slot.token < clip.vocabulary_size());
    check(std::isfinite(slot.weight) && std::abs(slot.weight) <= static_cast<float>(kMaxWeight));
    check(slot.word < static_cast<int>(parsed.words.size()));
    check(slot.word < 0 || (slot.token == 0 && slot.vector >= 0));
    ends |= slot.token == clip.end_token();
  }
  check(ends);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ClipTokenizer clip = ClipTokenizer::built_in();
  if (size == 0) return 0;
  const std::string_view prompt(reinterpret_cast<const char*>(data) + 1, size - 1);
  const PromptOptions options{data[0] % 2 == 0 ? Reading::kComfy : Reading::kA1111};
  const std::vector<std::string> names = {"e", "easy negative", "many", "e", ""};
  try {
    const ParsedPrompt parsed =
        parse_prompt(prompt, clip, options, vectors_of, data[0] & 2 ? 0 : 49407, names);
    check(!parsed.windows.empty());
    check(parsed.token_count <= static_cast<int>(parsed.windows.size()) * kPromptTokens);
    for (const Window& window : parsed.windows) check_window(window, parsed, clip);
  } catch (const dq::Error& error) {
    check(error.code() == dq::ErrorCode::kInvalidArgument);
  }
  return 0;
}
