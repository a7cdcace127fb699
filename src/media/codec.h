#pragma once
// PNG, JPEG and WebP files: bytes in, pixels out, and back, with the texts that such files carry.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "media/image.h"

namespace dq::media {

enum class ImageFormat : std::uint8_t { kPng, kJpeg, kWebp };

// What a picture may ask for before anything is decoded. A file beyond them throws kUnsupported.
struct ImageLimits {
  std::uint64_t max_pixels = 100'000'000;
  std::uint32_t max_side = 32'768;
  std::uint64_t max_decoded_bytes = 1ull << 30;  // pixels, and what the decoder needs beside them
  std::uint64_t max_file_bytes = 256ull << 20;
};

// One named text of an image file. Both are UTF-8. PNG: a tEXt, zTXt or iTXt chunk. JPEG and WebP: see
// media/metadata.h for where each key goes. Keys: "parameters" (infotext), "danqing" (our request as JSON),
// "prompt" and "workflow" (ComfyUI's graphs), or any other of 1–79 bytes.
struct TextEntry {
  std::string key;
  std::string text;

  bool operator==(const TextEntry&) const = default;
};

struct EncodeOptions {
  ImageFormat format = ImageFormat::kPng;
  int quality = 92;              // JPEG and lossy WebP, 1–100
  bool lossless = false;         // WebP
  std::vector<TextEntry> texts;  // written in this order
};

// By the first bytes; throws kUnsupported (naming what it looks like, when that is known) for anything else.
ImageFormat format_of(Bytes file);
// By the extension (.png .jpg .jpeg .webp, any case); throws kUnsupported.
ImageFormat format_for_path(const std::filesystem::path& path);
std::string_view extension_of(ImageFormat format);  // ".png"

// The first (or only) frame, upright: EXIF orientation is applied. 16-bit samples keep their upper 8 bits'
// worth (rounded), palettes are expanded, CMYK JPEGs become RGB. Throws kBadFile, kUnsupported, kOutOfMemory.
Image decode_image(Bytes file, const ImageLimits& limits = {});
Image read_image(const std::filesystem::path& path, const ImageLimits& limits = {});

// A finished file. The same pixels and options give the same bytes. JPEG needs flattened pixels: alpha is
// composed over white. Throws kInvalidArgument, kOutOfMemory.
std::vector<std::byte> encode_image(const Image& image, const EncodeOptions& options = {});

// Encodes and writes through a temporary file, so that no half-written picture is ever seen under `path`.
void write_image(const std::filesystem::path& path, const Image& image, const EncodeOptions& options = {});

}  // namespace dq::media
