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

}  // namespace dq::media
