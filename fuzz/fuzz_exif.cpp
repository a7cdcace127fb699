// EXIF blocks: fields stay inside the block, texts are UTF-8, and what is written from them is read again.
#include <cstdint>
#include <cstdlib>

#include "media/exif_text.h"
#include "media/unicode.h"

namespace {

// The orders of fields may differ between a block and its rewriting; each text must be there.
void check_round_trip(const std::vector<dq::media::TextEntry>& texts) {
  std::vector<std::byte> block;
  try {
    block = dq::media::exif_block(texts);
  } catch (const dq::Error&) {
    return;  // keys that cannot be written, or two of one name
  }
  if (block.empty()) return;
  const std::vector<dq::media::TextEntry> again = dq::media::exif_texts(block);
  for (const auto& entry : again) {
    if (entry.key != "parameters" && entry.text.find('\0') != std::string::npos) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const dq::Bytes block(reinterpret_cast<const std::byte*>(data), size);
  try {
    const dq::media::Exif exif = dq::media::read_exif(block);
    for (const auto& field : exif.fields) {
      const std::byte* first = field.value.data();
      if (!field.value.empty() &&
          (first < block.data() || first + field.value.size() > block.data() + size)) {
        std::abort();
      }
      if (!dq::media::is_utf8(dq::media::user_comment_text(field.value))) std::abort();
    }
    if (exif.orientation() < 1 || exif.orientation() > 8) std::abort();
    const std::vector<dq::media::TextEntry> texts = dq::media::exif_texts(block);
    for (const auto& entry : texts) {
      if (!dq::media::is_utf8(entry.text)) std::abort();
    }
    check_round_trip(texts);
  } catch (const dq::Error& error) {
    if (error.code() != dq::ErrorCode::kBadFile) std::abort();
  }
  return 0;
}
