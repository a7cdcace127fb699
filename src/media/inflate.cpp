#include "media/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/checked.h"

namespace dq::media {

std::string inflate_text(Bytes stream, std::uint64_t limit) {
  z_stream z{};
  if (inflateInit2(&z, 15 + 32) != Z_OK)
    throw Error(ErrorCode::kOutOfMemory, "no memory for inflating a text");
  struct Guard {
    z_stream* z;
    ~Guard() { inflateEnd(z); }
  } guard{&z};

  z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(stream.data()));
  z.avail_in = checked_cast<uInt>(stream.size(), "the compressed text's size");
  std::string out;
  std::array<Bytef, 16384> block{};
  for (int status = Z_OK; status != Z_STREAM_END;) {
    z.next_out = block.data();
    z.avail_out = static_cast<uInt>(block.size());
    status = inflate(&z, Z_NO_FLUSH);
    const std::size_t made = block.size() - z.avail_out;
    if (status != Z_OK && status != Z_STREAM_END) {
      throw Error(ErrorCode::kBadFile, "a compressed text is damaged or cut short").at(z.total_in);
    }
    if (out.size() + made > limit) {
      throw Error(ErrorCode::kUnsupported, "a compressed text grows beyond the limit when inflated")
          .hint("The file is made to fill memory, or holds far more than a prompt");
    }
    out.append(reinterpret_cast<const char*>(block.data()), made);
  }
  return out;
}

}  // namespace dq::media
