#include "media/codec.h"

#include <algorithm>
#include <cctype>

#include "media/exif.h"
#include "media/jpeg_file.h"
#include "media/orientation.h"
#include "media/png_file.h"
#include "media/png_text.h"
#include "media/webp_file.h"

namespace dq::media {

namespace {

bool has(Bytes file, std::size_t at, std::string_view mark) {
  return file.size() >= at + mark.size() &&
         std::equal(mark.begin(), mark.end(), reinterpret_cast<const char*>(file.data()) + at);
}

std::string_view name_of_other(Bytes file) {
  if (has(file, 0, "GIF8")) return "a GIF";
  if (has(file, 0, "BM")) return "a BMP";
  if (has(file, 4, "ftypavif") || has(file, 4, "ftypavis")) return "an AVIF picture";
  if (has(file, 4, "ftyp")) return "an HEIF picture or MP4 video";
  if (has(file, 0, "\xff\x0a") || has(file, 4, "JXL ")) return "a JPEG XL picture";
  if (has(file, 0, "II*") || has(file, 0, "MM")) return "a TIFF";
  if (has(file, 0, "<svg") || has(file, 0, "<?xml")) return "an SVG or XML text";
  if (has(file, 0, "8BPS")) return "a Photoshop file";
  return {};
}

int orientation_of(Bytes file, ImageFormat format) {
  std::optional<Bytes> block;
  if (format == ImageFormat::kJpeg) block = jpeg_exif(jpeg_segments(file));
  if (format == ImageFormat::kWebp) block = webp_exif(file);
  if (format == ImageFormat::kPng) block = png_exif(file);
  if (!block) return 1;
  try {
    return read_exif(*block).orientation();
  } catch (const Error&) {
    return 1;  // a broken EXIF block is no reason to refuse the pixels
  }
}

}  // namespace

ImageFormat format_of(Bytes file) {
  if (has(file, 0, "\x89PNG\r\n\x1a\n")) return ImageFormat::kPng;
  if (has(file, 0, "\xff\xd8\xff")) return ImageFormat::kJpeg;
  if (has(file, 0, "RIFF") && has(file, 8, "WEBP")) return ImageFormat::kWebp;
  const std::string_view other = name_of_other(file);
  throw Error(ErrorCode::kUnsupported, other.empty()
                                           ? std::string("the file is not a picture Danqing can read")
                                           : "the file is " + std::string(other))
      .hint("Give a PNG, JPEG or WebP");
}

ImageFormat format_for_path(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".png") return ImageFormat::kPng;
  if (extension == ".jpg" || extension == ".jpeg") return ImageFormat::kJpeg;
  if (extension == ".webp") return ImageFormat::kWebp;
  throw Error(ErrorCode::kUnsupported, "no picture format ends in \"" + printable(extension, 20) + "\"")
      .in(path.string())
      .hint("Use .png, .jpg or .webp");
}

std::string_view extension_of(ImageFormat format) {
  return format == ImageFormat::kPng ? ".png" : format == ImageFormat::kJpeg ? ".jpg" : ".webp";
}

Image decode_image(Bytes file, const ImageLimits& limits) {
  if (file.size() > limits.max_file_bytes) {
    throw Error(ErrorCode::kUnsupported, "the picture's file is too large").hint("Save it again, smaller");
  }
  const ImageFormat format = format_of(file);
  try {
    Image image = format == ImageFormat::kPng    ? decode_png(file, limits)
                  : format == ImageFormat::kJpeg ? decode_jpeg(file, limits)
                                                 : decode_webp(file, limits);
    return apply_orientation(std::move(image), orientation_of(file, format));
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, "no memory for the picture's pixels").hint("Use a smaller picture");
  }
}

std::vector<std::byte> encode_image(const Image& image, const EncodeOptions& options) {
  if (options.quality < 1 || options.quality > 100) {
    throw Error(ErrorCode::kInvalidArgument, "picture quality goes from 1 to 100").key("quality");
  }
  if (options.format == ImageFormat::kPng) return encode_png(image, options.texts);
  return options.format == ImageFormat::kJpeg ? encode_jpeg(image, options) : encode_webp(image, options);
}

}  // namespace dq::media
