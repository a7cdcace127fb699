#pragma once
// SHA-256 (FIPS 180-4), streaming, by OpenSSL's libcrypto.
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/byte_reader.h"

namespace dq {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(Bytes data);
  // Ends the message: 32 bytes, or the same as 64 lower-case hex digits. No update may follow.
  std::array<std::uint8_t, 32> finish();
  std::string finish_hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_hex(Bytes data);

}  // namespace dq
