// The tokenizer: any bytes as text (first byte even), or as a merges file and a text (odd).
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "text/clip_tokenizer.h"
#include "text/unicode.h"

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

// Ids are in the vocabulary, and repairing the text first changes nothing.
void encode(const dq::text::ClipTokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.encode(text);
  for (const std::int32_t id : ids) check(id >= 0 && id < tokenizer.vocabulary_size());
  check(tokenizer.encode(dq::text::encode_utf8(dq::text::decode_utf8(text))) == ids);
  if (!ids.empty()) tokenizer.decode(ids.back());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dq::text::ClipTokenizer clip = dq::text::ClipTokenizer::built_in();
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    encode(clip, text);
    return 0;
  }
  try {
    const dq::text::ClipTokenizer custom(text);
    check(dq::text::ClipTokenizer(custom.merges_text()).merges_text() == custom.merges_text());
    encode(custom, text);
  } catch (const dq::Error& error) {
    check(error.code() == dq::ErrorCode::kBadFile);
  }
  return 0;
}
