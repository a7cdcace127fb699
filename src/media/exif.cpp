#include "media/exif.h"

#include <algorithm>
#include <array>

#include "media/unicode.h"

// A TIFF structure. Offsets count from its first byte.
//
//   "II*\0" or "MM\0*" | u32 offset of IFD0
//   IFD: u16 count | count × { u16 tag | u16 type | u32 values | 4 bytes: the value, or its offset } | u32
//   next IFD

namespace dq::media {

namespace {

constexpr std::size_t kMaxFields = 1024;

std::size_t type_size(std::uint16_t type) {
  constexpr std::array<std::uint8_t, 14> kSizes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
  return type < kSizes.size() ? kSizes[type] : 0;
}

template <std::integral T>
T number(ByteReader& reader, std::endian order, const char* what) {
  return order == std::endian::little ? reader.little<T>(what) : reader.big<T>(what);
}

// Reads one directory; a field that does not fit in the block is passed over.
void read_directory(Bytes block, std::uint32_t offset, ExifDirectory directory, Exif& exif) {
  if (offset >= block.size()) return;
  ByteReader reader(block);
  reader.seek(offset, "an EXIF directory");
  if (reader.left() < 2) return;
  const auto count = number<std::uint16_t>(reader, exif.order, "an EXIF directory");
  for (std::size_t i = 0; i < count && reader.left() >= 12 && exif.fields.size() < kMaxFields; ++i) {
    ExifField field;
    field.directory = directory;
    field.tag = number<std::uint16_t>(reader, exif.order, "an EXIF field");
    field.type = number<std::uint16_t>(reader, exif.order, "an EXIF field");
    const auto values = number<std::uint32_t>(reader, exif.order, "an EXIF field");
    const std::uint64_t bytes = std::uint64_t{values} * type_size(field.type);
    const Bytes inline_value = reader.take(4, "an EXIF field");
    ByteReader pointer(inline_value);
    const std::uint64_t at = bytes <= 4 ? 0 : number<std::uint32_t>(pointer, exif.order, "an EXIF field");
    if (type_size(field.type) == 0 || (bytes > 4 && (at > block.size() || bytes > block.size() - at)))
      continue;
    field.value = bytes <= 4 ? inline_value.first(static_cast<std::size_t>(bytes))
                             : block.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(bytes));
    exif.fields.push_back(field);
  }
}

Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

bool starts_with(Bytes bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), reinterpret_cast<const char*>(bytes.data()));
}

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

const ExifField* Exif::find(ExifDirectory directory, std::uint16_t tag) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const ExifField& field) {
    return field.directory == directory && field.tag == tag;
  });
  return found == fields.end() ? nullptr : &*found;
}

int Exif::orientation() const {
  const ExifField* field = find(ExifDirectory::kMain, kTagOrientation);
  if (!field || field->type != 3 || field->value.size() < 2) return 1;
  ByteReader reader(field->value);
  const auto value = number<std::uint16_t>(reader, order, "the orientation");
  return value >= 1 && value <= 8 ? value : 1;
}

Exif read_exif(Bytes block) {
  if (starts_with(block, std::string_view("Exif\0\0", 6))) block = block.subspan(6);
  Exif exif;
  ByteReader reader(block);
  const std::string_view mark = reader.take_text(4, "the EXIF block");
  if (mark == std::string_view("MM\0*", 4)) {
    exif.order = std::endian::big;
  } else if (mark != std::string_view("II*\0", 4)) {
    throw Error(ErrorCode::kBadFile, "the EXIF block does not begin as TIFF").at(0);
  }
  read_directory(block, number<std::uint32_t>(reader, exif.order, "the EXIF block"), ExifDirectory::kMain,
                 exif);
  const ExifField* pointer = exif.find(ExifDirectory::kMain, kTagExifDirectory);
  if (pointer && pointer->value.size() == 4) {
    ByteReader at(pointer->value);
    const auto offset = number<std::uint32_t>(at, exif.order, "the EXIF directory");
    read_directory(block, offset, ExifDirectory::kExif, exif);
  }
  return exif;
}

std::string user_comment_text(Bytes value) {
  const auto trimmed = [](std::string text) {
    while (!text.empty() && text.back() == '\0') text.pop_back();
    return text;
  };
  if (starts_with(value, std::string_view("JIS\0\0\0\0\0", 8))) return {};
  if (starts_with(value, std::string_view("UNICODE\0", 8))) {
    Bytes text = value.subspan(8);
    std::endian order = std::endian::big;
    if (starts_with(text, "\xfe\xff") || starts_with(text, "\xff\xfe")) {
      order = starts_with(text, "\xff\xfe") ? std::endian::little : std::endian::big;
      text = text.subspan(2);
    } else {
      // Latin letters have a zero upper byte: the half that holds more zeros is the upper one.
      std::array<std::size_t, 2> zeros{};
      for (std::size_t i = 0; i + 1 < text.size(); ++i) zeros[i % 2] += text[i] == std::byte{0} ? 1 : 0;
      if (zeros[1] > zeros[0]) order = std::endian::little;
    }
    return trimmed(utf16_to_utf8(text, order));
  }
  if (starts_with(value, std::string_view("ASCII\0\0\0", 8)) ||
      starts_with(value, std::string_view("\0\0\0\0\0\0\0\0", 8))) {
    value = value.subspan(8);
  }
  return trimmed(to_utf8(as_text(value)));
}

namespace {

class TiffWriter {
 public:
  std::vector<std::byte> out;

  template <class T>
  void big(T value) {
    for (int shift = static_cast<int>(sizeof(T) - 1) * 8; shift >= 0; shift -= 8) {
      out.push_back(static_cast<std::byte>((value >> shift) & 0xff));
    }
  }
  void bytes(Bytes more) { out.insert(out.end(), more.begin(), more.end()); }
};

struct Pending {
  std::uint16_t tag, type;
  std::vector<std::byte> value;
};

// A directory at the end of `writer`, its long values behind it, each on an even offset.
void write_directory(TiffWriter& writer, const std::vector<Pending>& fields) {
  auto at = static_cast<std::uint32_t>(writer.out.size() + 2 + fields.size() * 12 + 4);
  writer.big(static_cast<std::uint16_t>(fields.size()));
  for (const Pending& field : fields) {
    const auto size = static_cast<std::uint32_t>(field.value.size());
    writer.big(field.tag);
    writer.big(field.type);
    writer.big(static_cast<std::uint32_t>(size / type_size(field.type)));
    if (size <= 4) {
      writer.bytes(field.value);
      for (std::uint32_t i = size; i < 4; ++i) writer.out.push_back(std::byte{0});
    } else {
      writer.big(at);
      at += size + size % 2;
    }
  }
  writer.big(std::uint32_t{0});
  for (const Pending& field : fields) {
    if (field.value.size() <= 4) continue;
    writer.bytes(field.value);
    if (field.value.size() % 2 != 0) writer.out.push_back(std::byte{0});
  }
}

}  // namespace

std::vector<std::byte> write_exif(std::vector<ExifText> texts,
                                  const std::optional<std::string>& user_comment) {
  std::sort(texts.begin(), texts.end(), [](const ExifText& a, const ExifText& b) { return a.tag < b.tag; });
  std::vector<Pending> main;
  std::uint32_t end = 8 + 2 + 4;  // where IFD0 and its values end
  for (const ExifText& entry : texts) {
    Pending field{entry.tag, 2, {}};
    const Bytes text = as_bytes(entry.text);
    field.value.assign(text.begin(), text.end());
    field.value.push_back(std::byte{0});
    const auto size = static_cast<std::uint32_t>(field.value.size());
    end += 12 + (size <= 4 ? 0 : size + size % 2);
    main.push_back(std::move(field));
  }
  if (user_comment) {
    end += 12;
    Pending pointer{kTagExifDirectory, 4, {}};
    for (int shift = 24; shift >= 0; shift -= 8) {
      pointer.value.push_back(static_cast<std::byte>((end >> shift) & 0xff));
    }
    main.push_back(std::move(pointer));
  }
  TiffWriter writer;
  writer.bytes(as_bytes(std::string_view("MM\0*\0\0\0\x08", 8)));
  write_directory(writer, main);
  if (user_comment) {
    Pending comment{kTagUserComment, 7, {}};
    const Bytes prefix = as_bytes(std::string_view("UNICODE\0", 8));
    comment.value.assign(prefix.begin(), prefix.end());
    const std::vector<std::byte> text = utf8_to_utf16be(*user_comment);
    comment.value.insert(comment.value.end(), text.begin(), text.end());
    write_directory(writer, {comment});
  }
  return std::move(writer.out);
}

}  // namespace dq::media
