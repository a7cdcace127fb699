#include <webp/decode.h>
#include <webp/demux.h>

#include <cstring>

#include "media/limits.h"
#include "media/webp_file.h"

namespace dq::media {

namespace {

Error damaged(const char* what) {
  return Error(ErrorCode::kBadFile, std::string("the WebP is damaged: ") + what)
      .hint("Get the file again, or open and save it in a picture editor");
}

// libwebp keeps a lossless picture as ARGB words beside the result.
constexpr std::uint64_t kBytesPerPixel = 8;

Image decode_frame(Bytes frame, const ImageLimits& limits) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(frame.data());
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(data, frame.size(), &features) != VP8_STATUS_OK)
    throw damaged("its frame has no header");
  check_limits({static_cast<std::uint64_t>(features.width), static_cast<std::uint64_t>(features.height),
                kBytesPerPixel},
               limits);
  Image image = make_image(features.width, features.height, features.has_alpha ? 4 : 3);
  const int stride = static_cast<int>(image.row_bytes());
  const auto decode = features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (!decode(data, frame.size(), image.pixels.data(), image.pixels.size(), stride)) {
    throw damaged("its pixels cannot be read");
  }
  return image;
}

struct Demuxer {
  explicit Demuxer(const WebPData& data) : handle(WebPDemux(&data)) {}
  ~Demuxer() { WebPDemuxDelete(handle); }
  Demuxer(const Demuxer&) = delete;
  Demuxer& operator=(const Demuxer&) = delete;
  WebPDemuxer* handle;
};

struct FrameIterator {
  ~FrameIterator() { WebPDemuxReleaseIterator(&value); }
  WebPIterator value{};
};

// The first frame of an animation covers a part of the canvas; the rest is transparent.
Image decode_animation(const WebPData& data, const WebPBitstreamFeatures& features,
                       const ImageLimits& limits) {
  const Demuxer demuxer(data);
  FrameIterator frame;
  if (!demuxer.handle || !WebPDemuxGetFrame(demuxer.handle, 1, &frame.value))
    throw damaged("it has no whole frame");
  const WebPIterator& it = frame.value;
  const Bytes fragment(reinterpret_cast<const std::byte*>(it.fragment.bytes), it.fragment.size);
  Image part = decode_frame(fragment, limits);
  if (part.width == features.width && part.height == features.height) return part;
  if (it.x_offset < 0 || it.y_offset < 0 || part.width > features.width - it.x_offset ||
      part.height > features.height - it.y_offset) {
    throw damaged("its first frame leaves the canvas");
  }
  Image canvas = make_image(features.width, features.height, 4);
  for (int y = 0; y < part.height; ++y) {
    const std::uint8_t* from = part.row(y);
    std::uint8_t* to = canvas.row(y + it.y_offset) + it.x_offset * 4;
    for (int x = 0; x < part.width; ++x, from += part.channels, to += 4) {
      std::memcpy(to, from, 3);
      to[3] = part.channels == 4 ? from[3] : 255;
    }
  }
  return canvas;
}

}  // namespace

std::optional<Bytes> webp_exif(Bytes file) {
  ByteReader reader(file);
  if (reader.take_text(4, "the WebP header") != "RIFF") throw damaged("it does not begin with RIFF").at(0);
  reader.skip(4, "the WebP header");
  if (reader.take_text(4, "the WebP header") != "WEBP") throw damaged("it is another RIFF file").at(8);
  while (reader.left() >= 8) {
    const std::string_view type = reader.take_text(4, "a WebP chunk");
    const auto size = reader.little<std::uint32_t>("a WebP chunk");
    if (size > reader.left()) break;
    const Bytes data = reader.take(size, "a WebP chunk");
    if (type == "EXIF") return data;
    if (size % 2 != 0 && !reader.at_end()) reader.skip(1, "a WebP chunk");
  }
  return {};
}

Image decode_webp(Bytes file, const ImageLimits& limits) {
  const WebPData data{reinterpret_cast<const std::uint8_t*>(file.data()), file.size()};
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(data.bytes, data.size, &features) != VP8_STATUS_OK)
    throw damaged("its header cannot be read");
  check_limits({static_cast<std::uint64_t>(features.width), static_cast<std::uint64_t>(features.height),
                kBytesPerPixel},
               limits);
  return features.has_animation ? decode_animation(data, features, limits) : decode_frame(file, limits);
}

}  // namespace dq::media
