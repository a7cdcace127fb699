// Lists of known words from any text: what is no list is refused with an Error, and a list answers any
// prompt. The text up to the first line's end is the prompt.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "pipeline/known_words.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  const std::string_view prompt = text.substr(0, end);
  try {
    const dq::pipeline::KnownWords known(end == text.npos ? text : text.substr(end + 1));
    const std::string advice = known.advice(prompt);
    if (advice.find('\n') != advice.npos) std::abort();
    for (const std::string& word : known.unknown_words(prompt)) {
      if (word.empty()) std::abort();
    }
  } catch (const dq::Error&) {
  }
  return 0;
}
