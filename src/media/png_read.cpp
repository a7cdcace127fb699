#include <png.h>

#include <csetjmp>
#include <cstring>

#include "base/checked.h"
#include "media/limits.h"
#include "media/png_file.h"

namespace dq::media {

namespace {

struct Header {
  std::uint32_t width = 0, height = 0;
  std::uint8_t depth = 0, colour = 0;
};

// signature (8) | length 13 (u32 BE) | "IHDR" | width u32 | height u32 | depth | colour type | …
Header read_header(Bytes file) {
  ByteReader reader(file);
  reader.skip(kPngSignatureBytes, "the PNG signature");
  const auto length = reader.big<std::uint32_t>("the PNG header");
  if (reader.take_text(4, "the PNG header") != "IHDR" || length != 13) {
    throw Error(ErrorCode::kBadFile, "the PNG does not begin with its header chunk IHDR")
        .at(kPngSignatureBytes);
  }
  Header header;
  header.width = reader.big<std::uint32_t>("the PNG header");
  header.height = reader.big<std::uint32_t>("the PNG header");
  header.depth = reader.big<std::uint8_t>("the PNG header");
  header.colour = reader.big<std::uint8_t>("the PNG header");
  return header;
}

// Deflate makes at most 1032 bytes of one. A file too short for what its header claims is refused before
// memory is taken for it.
void check_not_hollow(const Header& header, Bytes file) {
  const std::uint64_t samples = header.colour == 2 ? 3 : header.colour == 6 ? 4 : header.colour == 4 ? 2 : 1;
  const std::uint64_t row = (header.width * samples * header.depth + 7) / 8;
  if (checked_mul(row, header.height, "the PNG's size") / 1032 > file.size()) {
    throw Error(ErrorCode::kBadFile, "the PNG is too short for the size that its header claims")
        .at(kPngSignatureBytes + 8)
        .hint("The file is cut short or made to do harm; get it again");
  }
}

struct Source {
  const std::byte* data = nullptr;
  std::size_t size = 0;
  std::size_t position = 0;
  char message[128] = {};
};

void on_read(png_structp png, png_bytep out, png_size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (size > source->size - source->position) png_error(png, "the file ends too early");
  std::memcpy(out, source->data + source->position, size);
  source->position += size;
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->message, message, sizeof source->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

// Chunks that need not be parsed for the pixels; texts are read elsewhere, colour profiles are not applied.
constexpr png_byte kIgnored[] = "iCCP\0eXIf\0hIST\0iTXt\0pCAL\0sCAL\0sPLT\0tEXt\0tIME\0zTXt";
constexpr int kIgnoredCount = static_cast<int>(sizeof kIgnored / 5);

// The functions with setjmp hold trivial locals only: longjmp must not pass destructors.
bool start(png_structp png, png_infop info, Source* source, int* channels) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_read_fn(png, source, on_read);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);  // check_limits has judged the size already
  png_set_chunk_malloc_max(png, 8u << 20);
  png_set_chunk_cache_max(png, 100);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kIgnored, kIgnoredCount);
  png_read_info(png, info);
  const int colour = png_get_color_type(png, info);
  const bool transparent = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  png_set_scale_16(png);
  png_set_expand(png);  // palettes, 1–4 bit gray and tRNS become 8-bit samples
  if (transparent || colour == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  *channels = png_get_channels(png, info);
  return png_get_bit_depth(png, info) == 8;
}

bool read_rows(png_structp png, png_infop info, Image* image) {
  if (setjmp(png_jmpbuf(png))) return false;
  const int passes = png_get_interlace_type(png, info) == PNG_INTERLACE_ADAM7 ? 7 : 1;
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < image->height; ++y) png_read_row(png, image->row(y), nullptr);
  }
  return true;
}

struct Reader {
  explicit Reader(Source* source)
      : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, source, on_error, on_warning)),
        info(png ? png_create_info_struct(png) : nullptr) {}
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  png_structp png;
  png_infop info;
};

}  // namespace

Image decode_png(Bytes file, const ImageLimits& limits) {
  const Header header = read_header(file);
  check_limits({header.width, header.height, 4}, limits);
  check_not_hollow(header, file);

  Source source{file.data(), file.size()};
  const auto fail = [&]() -> Error {
    return Error(ErrorCode::kBadFile, std::string("the PNG is damaged: ") + source.message)
        .at(source.position)
        .hint("Get the file again, or open and save it in a picture editor");
  };
  Reader reader(&source);
  if (!reader.info) throw Error(ErrorCode::kOutOfMemory, "no memory for reading a PNG");
  int channels = 0;
  if (!start(reader.png, reader.info, &source, &channels)) throw fail();
  Image image = make_image(static_cast<int>(header.width), static_cast<int>(header.height), channels);
  if (png_get_rowbytes(reader.png, reader.info) != image.row_bytes()) throw fail();
  if (!read_rows(reader.png, reader.info, &image)) throw fail();
  return image;
}

}  // namespace dq::media
