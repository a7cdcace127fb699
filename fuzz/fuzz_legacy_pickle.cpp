// A PyTorch checkpoint of before 1.6.
#include "base/error.h"
#include "files/torch_legacy.h"
#include "support/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    dq::fuzz::check(dq::files::parse_torch_legacy(dq::fuzz::bytes_of(data, size)), size);
  } catch (const dq::Error&) {
  }
  return 0;
}
