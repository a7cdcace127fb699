#include "media/metadata.h"

#include <algorithm>

#include "media/exif_text.h"
#include "media/jpeg_file.h"
#include "media/png_text.h"
#include "media/stealth.h"
#include "media/webp_file.h"

namespace dq::media {

namespace {

void check_total(const std::vector<TextEntry>& texts) {
  std::uint64_t total = 0;
  for (const TextEntry& entry : texts) {
    total += entry.text.size();
    if (entry.text.size() > kMaxTextBytes || total > kMaxTextTotalBytes) {
      throw Error(ErrorCode::kUnsupported, "the picture holds more text than is read")
          .key(entry.key)
          .hint("At most 8 MiB a text and 16 MiB a file");
    }
  }
}

std::vector<TextEntry> texts_of_exif(const std::optional<Bytes>& block) {
  if (!block) return {};
  try {
    return exif_texts(*block);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::vector<TextEntry> read_texts(Bytes file) {
  std::vector<TextEntry> out;
  switch (format_of(file)) {
    case ImageFormat::kPng: {
      out = read_png_texts(file);
      std::vector<TextEntry> more = texts_of_exif(png_exif(file));
      std::move(more.begin(), more.end(), std::back_inserter(out));
      break;
    }
    case ImageFormat::kJpeg:
      out = read_jpeg_texts(file);
      break;
    case ImageFormat::kWebp:
      out = texts_of_exif(webp_exif(file));
      break;
  }
  check_total(out);
  return out;
}

std::vector<TextEntry> read_texts_and_stealth(Bytes file, const ImageLimits& limits) {
  std::vector<TextEntry> out = read_texts(file);
  if (!out.empty() || format_of(file) == ImageFormat::kJpeg) return out;
  if (auto hidden = read_stealth(decode_image(file, limits)))
    out.push_back({"parameters", std::move(*hidden)});
  return out;
}

const std::string* find_text(const std::vector<TextEntry>& texts, std::string_view key) {
  const auto found =
      std::find_if(texts.begin(), texts.end(), [&](const TextEntry& t) { return t.key == key; });
  return found == texts.end() ? nullptr : &found->text;
}

}  // namespace dq::media
