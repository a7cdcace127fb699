#include "media/exif_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/unicode.h"

namespace dq::media {

namespace {

constexpr std::size_t kMaxOwnKeys = 10;  // Make (0x010F) down to 0x0106

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// "key:text" becomes its two parts. A camera's "Model 3", a sentence or an address is none.
std::optional<TextEntry> split_key(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 79 || colon + 1 >= text.size()) return {};
  const std::string_view key = text.substr(0, colon), rest = text.substr(colon + 1);
  if (!std::all_of(key.begin(), key.end(), is_key_character)) return {};
  if (rest.front() == ' ' || rest.substr(0, 2) == "//") return {};
  return TextEntry{std::string(key), std::string(rest)};
}

std::string tag_name(std::uint16_t tag) {
  switch (tag) {
    case kTagImageDescription:
      return "exif:ImageDescription";
    case kTagMake:
      return "exif:Make";
    case kTagModel:
      return "exif:Model";
    case 0x0131:
      return "exif:Software";
    case 0x013b:
      return "exif:Artist";
    case 0x8298:
      return "exif:Copyright";
    default:
      return fmt::format("exif:0x{:04X}", tag);
  }
}

}  // namespace

std::vector<TextEntry> exif_texts(Bytes block) {
  std::vector<TextEntry> out;
  for (const ExifField& field : read_exif(block).fields) {
    if (field.tag == kTagUserComment) {
      out.push_back({"parameters", user_comment_text(field.value)});
    } else if (field.type == 2 && field.directory == ExifDirectory::kMain) {
      std::string_view raw(reinterpret_cast<const char*>(field.value.data()), field.value.size());
      while (!raw.empty() && raw.back() == '\0') raw.remove_suffix(1);
      const std::string text = to_utf8(raw);
      out.push_back(split_key(text).value_or(TextEntry{tag_name(field.tag), text}));
    }
    if (!out.empty() && out.back().text.empty()) out.pop_back();
  }
  return out;
}

std::vector<std::byte> exif_block(const std::vector<TextEntry>& texts) {
  std::optional<std::string> user_comment;
  std::vector<ExifText> fields;
  std::uint16_t next = kTagMake;
  for (const TextEntry& entry : texts) {
    const bool key_ok = !entry.key.empty() && entry.key.size() <= 79 &&
                        std::all_of(entry.key.begin(), entry.key.end(), is_key_character);
    if (!key_ok || !is_utf8(entry.text)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "metadata needs a key of letters, digits, - and _ and UTF-8 text")
          .key(entry.key);
    }
    if (std::count_if(texts.begin(), texts.end(), [&](const TextEntry& t) { return t.key == entry.key; }) >
        1) {
      throw Error(ErrorCode::kInvalidArgument, "two metadata texts have one key").key(entry.key);
    }
    std::string text = entry.text;
    std::erase(text, '\0');
    if (entry.key == "parameters") {
      user_comment = text;
    } else if (entry.key == "prompt") {
      fields.push_back({kTagModel, "prompt:" + text});
    } else {
      if (next <= kTagMake - kMaxOwnKeys) {
        throw Error(ErrorCode::kInvalidArgument, "too many metadata texts for an EXIF block").key(entry.key);
      }
      fields.push_back({next--, entry.key + ":" + text});
    }
  }
  if (fields.empty() && !user_comment) return {};
  return write_exif(std::move(fields), user_comment);
}

}  // namespace dq::media
