// jpeglib.h needs FILE and size_t.
#include <cstdio>

#include <jpeglib.h>

#include <jerror.h>

#include <csetjmp>
#include <cstring>

#include "media/jpeg_file.h"
#include "media/limits.h"

namespace dq::media {

namespace {

// A progressive JPEG may repeat its scans without end, each over the whole picture (see libjpeg-turbo,
// "Two issues with the JPEG standard"). Real files have about ten.
constexpr int kMaxScans = 100;

// Huffman coding spends at least one bit on a block of 64 pixels; a file far below that is hollow.
constexpr std::uint64_t kMaxPixelsPerByte = 1024;

struct ErrorManager {
  jpeg_error_mgr base;  // first, so that libjpeg's pointer is ours
  std::jmp_buf jump;
  bool cut_short;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, manager->message);
  std::longjmp(manager->jump, 1);
}

// libjpeg only warns when the data ends early and paints the rest gray; for us that is an error.
void on_message(j_common_ptr info, int level) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  const int code = info->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) manager->cut_short = true;
}

void on_progress(j_common_ptr info) {
  auto* decoder = reinterpret_cast<j_decompress_ptr>(info);
  if (decoder->input_scan_number <= kMaxScans) return;
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  std::strncpy(manager->message, "it has more scans than any real picture", sizeof manager->message - 1);
  std::longjmp(manager->jump, 1);
}

struct Decoder {
  jpeg_decompress_struct info;
  ErrorManager errors;
  jpeg_progress_mgr progress;
};

// The functions with setjmp hold trivial locals only: longjmp must not pass destructors.
bool open(Decoder* decoder, const unsigned char* data, std::size_t size) {
  if (setjmp(decoder->errors.jump)) return false;
  jpeg_create_decompress(&decoder->info);
  decoder->info.progress = &decoder->progress;
  jpeg_mem_src(&decoder->info, data, size);
  return jpeg_read_header(&decoder->info, TRUE) == JPEG_HEADER_OK;
}

bool start(Decoder* decoder) {
  if (setjmp(decoder->errors.jump)) return false;
  jpeg_decompress_struct& info = decoder->info;
  if (info.num_components == 1) {
    info.out_color_space = JCS_GRAYSCALE;
  } else if (info.num_components == 4) {
    info.out_color_space = JCS_CMYK;  // from CMYK or YCCK
  } else {
    info.out_color_space = JCS_RGB;
  }
  info.dct_method = JDCT_ISLOW;
  return jpeg_start_decompress(&info) == TRUE;
}

bool read_rows(Decoder* decoder, unsigned char* rows, std::size_t row_bytes) {
  if (setjmp(decoder->errors.jump)) return false;
  while (decoder->info.output_scanline < decoder->info.output_height) {
    JSAMPROW row = rows + decoder->info.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder->info, &row, 1);
  }
  jpeg_finish_decompress(&decoder->info);
  return true;
}

// Naive CMYK, without a colour profile. Adobe programs store it inverted.
Image from_cmyk(const Image& cmyk, bool inverted) {
  Image out = make_image(cmyk.width, cmyk.height, 3);
  const std::uint8_t* from = cmyk.pixels.data();
  for (std::size_t i = 0; i < out.pixels.size(); i += 3, from += 4) {
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned ink = inverted ? from[c] : 255u - from[c];
      const unsigned black = inverted ? from[3] : 255u - from[3];
      out.pixels[i + c] = static_cast<std::uint8_t>((ink * black + 127) / 255);
    }
  }
  return out;
}

}  // namespace

Image decode_jpeg(Bytes file, const ImageLimits& limits) {
  Decoder decoder{};
  decoder.info.err = jpeg_std_error(&decoder.errors.base);
  decoder.errors.base.error_exit = on_error;
  decoder.errors.base.emit_message = on_message;
  decoder.progress.progress_monitor = on_progress;
  struct Guard {
    Decoder* decoder;
    ~Guard() { jpeg_destroy_decompress(&decoder->info); }
  } guard{&decoder};
  const auto fail = [&]() -> Error {
    return Error(ErrorCode::kBadFile, std::string("the JPEG is damaged: ") + decoder.errors.message)
        .hint("Get the file again, or open and save it in a picture editor");
  };

  if (!open(&decoder, reinterpret_cast<const unsigned char*>(file.data()), file.size())) throw fail();
  const jpeg_decompress_struct& info = decoder.info;
  const std::uint64_t width = info.image_width, height = info.image_height;
  const auto samples = static_cast<std::uint64_t>(info.num_components);
  // A progressive decoder keeps 16-bit coefficients of the whole picture.
  const std::uint64_t coefficients = info.progressive_mode ? 2 * samples : 0;
  check_limits({width, height, samples + coefficients + (samples == 4 ? 3 : 0)}, limits);
  if (width * height / kMaxPixelsPerByte > file.size()) {
    throw Error(ErrorCode::kBadFile, "the JPEG is too short for the size that its header claims")
        .hint("The file is cut short or made to do harm; get it again");
  }
  if (!start(&decoder)) throw fail();
  const int channels = info.output_components;
  if (channels != 1 && channels != 3 && channels != 4) throw fail();
  Image image = make_image(static_cast<int>(width), static_cast<int>(height), channels);
  if (!read_rows(&decoder, image.pixels.data(), image.row_bytes())) throw fail();
  if (decoder.errors.cut_short) {
    throw Error(ErrorCode::kBadFile, "the JPEG ends before its last row")
        .at(file.size())
        .hint("Get the file again");
  }
  return channels == 4 ? from_cmyk(image, info.saw_Adobe_marker != 0) : image;
}

}  // namespace dq::media
