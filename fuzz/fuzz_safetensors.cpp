// A safetensors file.
#include "files/safetensors.h"

#include "base/error.h"
#include "support/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    dq::fuzz::check(dq::files::parse_safetensors(dq::fuzz::bytes_of(data, size)), size);
  } catch (const dq::Error&) {
  }
  return 0;
}
