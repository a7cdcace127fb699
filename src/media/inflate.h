#pragma once
// zlib and gzip streams from files, with a bound on what comes out.
#include <string>

#include "base/byte_reader.h"

namespace dq::media {

// Inflates a whole zlib (RFC 1950) or gzip (RFC 1952) stream, told apart by its first bytes. Throws kBadFile
// when it is damaged or cut short, kUnsupported when more than `limit` bytes would come out.
std::string inflate_text(Bytes stream, std::uint64_t limit);

}  // namespace dq::media
