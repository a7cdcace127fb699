// The texts of image files by content, and every program's grammar on what is found.
#include <cstdint>
#include <cstdlib>

#include "media/generation_info.h"
#include "media/metadata.h"
#include "media/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<dq::media::TextEntry> texts;
  try {
    texts = dq::media::read_texts({reinterpret_cast<const std::byte*>(data), size});
  } catch (const dq::Error&) {
    return 0;
  }
  std::uint64_t total = 0;
  for (const auto& entry : texts) {
    if (!dq::media::is_utf8(entry.key) || !dq::media::is_utf8(entry.text)) std::abort();
    total += entry.text.size();
  }
  if (total > dq::media::kMaxTextTotalBytes) std::abort();
  dq::media::parse_generation_info(texts);  // must not throw
  return 0;
}
