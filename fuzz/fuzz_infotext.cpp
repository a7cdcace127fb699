// Infotexts, JSON grammars and graphs from any text: nothing throws, and writing what was read is stable.
#include <cstdint>
#include <cstdlib>

#include "media/infotext.h"
#include "media/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = dq::media::to_utf8({reinterpret_cast<const char*>(data), size});
  for (const char* key : {"parameters", "prompt", "invokeai_metadata", "parameters-json", "Comment"}) {
    std::vector<dq::media::TextEntry> texts = {{key, text}};
    if (key[0] == 'C') texts.push_back({"Software", "NovelAI"});
    const auto info = dq::media::parse_generation_info(texts);
    if (!info) continue;
    const std::string written = dq::media::write_infotext(*info);
    if (!dq::media::is_utf8(written)) std::abort();
  }
  for (const auto& pair : dq::media::infotext_pairs(text)) {
    if (pair.key.size() < 2) std::abort();
  }
  // Quoting and unquoting give the text back, unless it looks like a quoted string itself.
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  if (!quoted && dq::media::unquote_infotext(dq::media::quote_infotext(text)) != text) std::abort();
  return 0;
}
