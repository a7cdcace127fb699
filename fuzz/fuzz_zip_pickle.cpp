// A PyTorch zip; or, when the input begins like a pickle, the pickle in it, with storages of the right size.
#include "base/error.h"
#include "files/torch_checkpoint.h"
#include "files/torch_zip.h"
#include "support/check.h"

namespace {

constexpr std::uint64_t kPretendedSize = 1u << 20;

void read_pickle(dq::Bytes bytes) {
  const dq::files::PickleTree tree = dq::files::parse_pickle(bytes, 0);
  const auto find = [](std::string_view, std::uint64_t expected) -> dq::files::StorageBytes {
    if (expected > kPretendedSize) throw dq::Error(dq::ErrorCode::kBadFile, "no such storage");
    return {0, expected};
  };
  dq::fuzz::check(dq::files::read_checkpoint(tree, find), kPretendedSize);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const dq::Bytes bytes = dq::fuzz::bytes_of(data, size);
  try {
    if (size > 0 && data[0] == 0x80) {
      read_pickle(bytes);
    } else {
      dq::fuzz::check(dq::files::parse_torch_zip(bytes), size);
    }
  } catch (const dq::Error&) {
  }
  return 0;
}
