// jpeglib.h needs FILE and size_t.
#include <cstdio>

#include <jpeglib.h>

#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>

#include "media/exif_text.h"
#include "media/jpeg_file.h"

namespace dq::media {

namespace {

constexpr std::size_t kMaxSegment = 65'533;

struct ErrorManager {
  jpeg_error_mgr base;  // first, so that libjpeg's pointer is ours
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, manager->message);
  std::longjmp(manager->jump, 1);
}

struct Segment {
  int marker;
  std::vector<std::byte> data;
};

void append(std::vector<std::byte>& out, std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), first, first + text.size());
}

void add_parts(std::vector<Segment>& out, const TextEntry& entry) {
  constexpr std::size_t kPart = 65'000;
  const std::size_t parts = entry.text.size() / kPart + 1;
  for (std::size_t i = 0; i < parts; ++i) {
    Segment segment{JPEG_COM, {}};
    append(segment.data, fmt::format("{} {}/{}:", entry.key, i + 1, parts));
    append(segment.data, std::string_view(entry.text).substr(i * kPart, kPart));
    out.push_back(std::move(segment));
  }
}

// One EXIF segment; the longest texts leave it for COM segments until it fits.
std::vector<Segment> metadata_segments(std::vector<TextEntry> texts) {
  std::vector<Segment> comments;
  std::vector<std::byte> block = exif_block(texts);
  while (block.size() + 6 > kMaxSegment) {
    const auto longest = std::max_element(
        texts.begin(), texts.end(),
        [](const TextEntry& a, const TextEntry& b) { return a.text.size() < b.text.size(); });
    add_parts(comments, *longest);
    texts.erase(longest);
    block = exif_block(texts);
  }
  std::vector<Segment> out;
  if (!block.empty()) {
    Segment exif{JPEG_APP0 + 1, {}};
    append(exif.data, std::string_view("Exif\0\0", 6));
    exif.data.insert(exif.data.end(), block.begin(), block.end());
    out.push_back(std::move(exif));
  }
  for (Segment& comment : comments) out.push_back(std::move(comment));
  return out;
}

struct Encoder {
  jpeg_compress_struct info;
  ErrorManager errors;
  unsigned char* out;
  unsigned long size;
};

// Holds the setjmp and trivial locals only: longjmp must not pass destructors.
bool write_all(Encoder* encoder, const Image* image, int quality, const Segment* segments,
               std::size_t count) {
  if (setjmp(encoder->errors.jump)) return false;
  jpeg_compress_struct& info = encoder->info;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &encoder->out, &encoder->size);
  info.image_width = static_cast<JDIMENSION>(image->width);
  info.image_height = static_cast<JDIMENSION>(image->height);
  info.input_components = image->channels;
  info.in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.optimize_coding = TRUE;
  info.dct_method = JDCT_ISLOW;
  if (image->channels == 3 && quality >= 90) {
    info.comp_info[0].h_samp_factor = 1;
    info.comp_info[0].v_samp_factor = 1;
  }
  jpeg_start_compress(&info, TRUE);
  for (std::size_t i = 0; i < count; ++i) {
    const Segment* segment = segments + i;
    jpeg_write_marker(&info, segment->marker, reinterpret_cast<const JOCTET*>(segment->data.data()),
                      static_cast<unsigned>(segment->data.size()));
  }
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image->row(static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

std::vector<std::byte> encode_jpeg(const Image& image, const EncodeOptions& options) {
  check_image(image);
  if (image.width > JPEG_MAX_DIMENSION || image.height > JPEG_MAX_DIMENSION) {
    throw Error(ErrorCode::kInvalidArgument, "a JPEG has at most 65,500 pixels a side")
        .hint("Save it as PNG");
  }
  const std::vector<Segment> segments = metadata_segments(options.texts);
  const Image flat = image.channels == 4 ? flatten(image) : Image{};
  const Image& source = image.channels == 4 ? flat : image;

  Encoder encoder{};
  encoder.info.err = jpeg_std_error(&encoder.errors.base);
  encoder.errors.base.error_exit = on_error;
  struct Guard {
    Encoder* encoder;
    ~Guard() {
      jpeg_destroy_compress(&encoder->info);
      std::free(encoder->out);  // libjpeg made it with malloc
    }
  } guard{&encoder};
  if (!write_all(&encoder, &source, options.quality, segments.data(), segments.size())) {
    throw Error(ErrorCode::kInternal,
                std::string("libjpeg cannot write this picture: ") + encoder.errors.message);
  }
  const auto* first = reinterpret_cast<const std::byte*>(encoder.out);
  return {first, first + encoder.size};
}

}  // namespace dq::media
