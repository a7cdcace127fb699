#include "media/inflate.h"
#include "media/metadata.h"
#include "media/png_file.h"
#include "media/png_text.h"
#include "media/unicode.h"

// A PNG file is its signature and chunks:
//   u32 BE length | four letters | data | u32 CRC
// with, in the text chunks,
//   tEXt  key | NUL | text in Latin-1
//   zTXt  key | NUL | 0 | zlib stream of Latin-1
//   iTXt  key | NUL | compressed? | 0 | language | NUL | translated key | NUL | UTF-8, or a zlib stream of it

namespace dq::media {

namespace {

struct RawChunk {
  std::string_view type;
  Bytes data;
};

class ChunkWalker {
 public:
  explicit ChunkWalker(Bytes file) : reader_(file) {
    if (reader_.take_text(kPngSignatureBytes, "the PNG signature") != "\x89PNG\r\n\x1a\n") {
      throw Error(ErrorCode::kBadFile, "the file does not begin as a PNG").at(0);
    }
  }

  std::optional<RawChunk> next() {
    if (reader_.left() < 12) return {};
    const auto length = reader_.big<std::uint32_t>("a PNG chunk");
    RawChunk chunk{reader_.take_text(4, "a PNG chunk"), {}};
    if (length > reader_.left()) return {};
    chunk.data = reader_.take(length, "a PNG chunk");
    if (reader_.left() >= 4) reader_.skip(4, "a PNG chunk");
    return chunk;
  }

 private:
  ByteReader reader_;
};

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Cuts `data` behind its first NUL and returns what stood before it.
std::optional<std::string_view> take_string(Bytes& data) {
  const std::string_view text = as_text(data);
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos) return {};
  data = data.subspan(end + 1);
  return text.substr(0, end);
}

std::optional<TextEntry> read_chunk(const RawChunk& chunk) {
  Bytes data = chunk.data;
  const auto key = take_string(data);
  if (!key || key->empty()) return {};
  bool deflated = false;
  if (chunk.type == "zTXt") {
    if (data.empty()) return {};
    deflated = true;
    data = data.subspan(1);
  } else if (chunk.type == "iTXt") {
    if (data.size() < 2) return {};
    deflated = data[0] == std::byte{1};
    data = data.subspan(2);
    if (!take_string(data) || !take_string(data)) return {};
  }
  if (!deflated) return TextEntry{to_utf8(*key), to_utf8(as_text(data))};
  return TextEntry{to_utf8(*key), to_utf8(inflate_text(data, kMaxTextBytes))};
}

bool is_text(std::string_view type) {
  return type == "tEXt" || type == "zTXt" || type == "iTXt" || type == "comf";
}

}  // namespace

std::vector<TextEntry> read_png_texts(Bytes file) {
  std::vector<TextEntry> out;
  std::uint64_t total = 0;
  ChunkWalker walker(file);
  while (const auto chunk = walker.next()) {
    if (!is_text(chunk->type)) continue;
    std::optional<TextEntry> entry;
    try {
      entry = read_chunk(*chunk);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadFile) throw;  // a damaged text does not hide the others
    }
    if (!entry) continue;
    total += entry->text.size();
    if (entry->text.size() > kMaxTextBytes || total > kMaxTextTotalBytes || out.size() == kMaxTexts) {
      throw Error(ErrorCode::kUnsupported, "the PNG holds more text than is read")
          .key(entry->key)
          .hint("At most 8 MiB a text, 16 MiB and 1000 texts a file");
    }
    out.push_back(std::move(*entry));
  }
  return out;
}

std::optional<Bytes> png_exif(Bytes file) {
  ChunkWalker walker(file);
  while (const auto chunk = walker.next()) {
    if (chunk->type == "eXIf") return chunk->data;
  }
  return {};
}

}  // namespace dq::media
