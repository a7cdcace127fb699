// Decoders of PNG, JPEG and WebP under small limits; hidden texts in whatever comes out.
#include <cstdint>
#include <cstdlib>

#include "media/codec.h"
#include "media/stealth.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dq::media::ImageLimits limits;
  limits.max_pixels = 1 << 18;
  limits.max_side = 4096;
  limits.max_decoded_bytes = 8 << 20;
  try {
    const dq::media::Image image =
        dq::media::decode_image({reinterpret_cast<const std::byte*>(data), size}, limits);
    dq::media::check_image(image);
    const auto pixels = static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
    if (pixels > limits.max_pixels) std::abort();
    dq::media::read_stealth(image);
  } catch (const dq::Error& error) {
    if (error.code() == dq::ErrorCode::kInternal) std::abort();
  }
  return 0;
}
