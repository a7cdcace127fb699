#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "media/codec.h"

namespace dq::media {

Image read_image(const std::filesystem::path& path, const ImageLimits& limits) {
  const auto file = MappedFile::open(path);
  try {
    return decode_image(file->bytes(), limits);
  } catch (Error& error) {
    throw error.in(path.string());
  }
}

void write_image(const std::filesystem::path& path, const Image& image, const EncodeOptions& options) {
  write_file_atomically(path, encode_image(image, options));
}

}  // namespace dq::media
