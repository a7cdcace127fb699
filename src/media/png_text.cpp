#include "media/png_text.h"

#include <algorithm>

#include "media/unicode.h"

namespace dq::media {

namespace {

void append(std::vector<std::byte>& out, std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), first, first + text.size());
}

void check_key(const TextEntry& entry) {
  const bool printable_ascii =
      std::all_of(entry.key.begin(), entry.key.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (entry.key.empty() || entry.key.size() > 79 || !printable_ascii) {
    throw Error(ErrorCode::kInvalidArgument, "a metadata key needs 1 to 79 printable ASCII characters")
        .key(entry.key);
  }
}

}  // namespace

PngChunk png_text_chunk(const TextEntry& entry) {
  check_key(entry);
  if (!is_utf8(entry.text)) {
    throw Error(ErrorCode::kInvalidArgument, "metadata text must be UTF-8").key(entry.key);
  }
  std::string text = entry.text;
  std::erase(text, '\0');
  PngChunk chunk;
  append(chunk.data, entry.key);
  // tEXt: key, NUL, Latin-1 text. iTXt: key, NUL, compressed?, method, language, NUL, translated key, NUL,
  // UTF-8.
  if (is_ascii(text)) {
    chunk.type = {'t', 'E', 'X', 't', 0};
    append(chunk.data, std::string_view("\0", 1));
  } else {
    chunk.type = {'i', 'T', 'X', 't', 0};
    append(chunk.data, std::string_view("\0\0\0\0\0", 5));
  }
  append(chunk.data, text);
  return chunk;
}

}  // namespace dq::media
