#include <webp/encode.h>
#include <webp/mux.h>

#include "media/exif_text.h"
#include "media/webp_file.h"

namespace dq::media {

namespace {

struct Picture {
  Picture() {
    ok = WebPPictureInit(&value) != 0;
    WebPMemoryWriterInit(&writer);
  }
  ~Picture() {
    WebPPictureFree(&value);
    WebPMemoryWriterClear(&writer);
  }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

  bool ok = false;
  WebPPicture value{};
  WebPMemoryWriter writer{};
};

WebPData view(Bytes bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> copy(const std::uint8_t* data, std::size_t size) {
  const auto* first = reinterpret_cast<const std::byte*>(data);
  return {first, first + size};
}

std::vector<std::byte> encode_pixels(const Image& image, const EncodeOptions& options) {
  WebPConfig config;
  Picture picture;
  const auto quality = static_cast<float>(options.quality);
  // Of lossless WebP, level 3 is near the best size at a fraction of the time of the higher levels.
  const bool ready = WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, quality) != 0 &&
                     (!options.lossless || WebPConfigLosslessPreset(&config, 3) != 0);
  if (!ready || !picture.ok) throw Error(ErrorCode::kInternal, "libwebp does not know this configuration");
  config.exact = 1;  // colours under transparent pixels are kept
  picture.value.use_argb = options.lossless ? 1 : 0;
  picture.value.width = image.width;
  picture.value.height = image.height;
  picture.value.writer = WebPMemoryWrite;
  picture.value.custom_ptr = &picture.writer;
  const auto import = image.channels == 4 ? WebPPictureImportRGBA : WebPPictureImportRGB;
  if (!import(&picture.value, image.pixels.data(), static_cast<int>(image.row_bytes())) ||
      !WebPEncode(&config, &picture.value)) {
    const bool memory = picture.value.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY;
    throw Error(memory ? ErrorCode::kOutOfMemory : ErrorCode::kInternal, "libwebp cannot write this picture");
  }
  return copy(picture.writer.mem, picture.writer.size);
}

// The same file in the extended layout with an EXIF chunk.
std::vector<std::byte> add_exif(const std::vector<std::byte>& file, const std::vector<std::byte>& exif) {
  struct Mux {
    WebPMux* handle;
    ~Mux() { WebPMuxDelete(handle); }
  };
  struct Output {
    WebPData data{};
    ~Output() { WebPDataClear(&data); }
  };
  const WebPData pixels = view(file), block = view(exif);
  const Mux mux{WebPMuxCreate(&pixels, 0)};
  Output output;
  if (!mux.handle || WebPMuxSetChunk(mux.handle, "EXIF", &block, 0) != WEBP_MUX_OK ||
      WebPMuxAssemble(mux.handle, &output.data) != WEBP_MUX_OK) {
    throw Error(ErrorCode::kInternal, "libwebp cannot add the metadata to this picture");
  }
  return copy(output.data.bytes, output.data.size);
}

}  // namespace

std::vector<std::byte> encode_webp(const Image& image, const EncodeOptions& options) {
  check_image(image);
  if (image.width > WEBP_MAX_DIMENSION || image.height > WEBP_MAX_DIMENSION) {
    throw Error(ErrorCode::kInvalidArgument, "a WebP has at most 16,383 pixels a side")
        .hint("Save it as PNG");
  }
  const std::vector<std::byte> exif = exif_block(options.texts);
  const std::vector<std::byte> file = encode_pixels(image.channels == 1 ? drop_alpha(image) : image, options);
  return exif.empty() ? file : add_exif(file, exif);
}

}  // namespace dq::media
