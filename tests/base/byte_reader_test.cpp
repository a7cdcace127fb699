#include "base/byte_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace dq {
namespace {

Bytes bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(ByteReader, ReadsBothOrders) {
  const std::string data("\x01\x02\x03\x04\xff\xfe\x05", 7);
  ByteReader in(bytes_of(data));
  EXPECT_EQ(in.little<std::uint16_t>("x"), 0x0201);
  EXPECT_EQ(in.big<std::uint16_t>("x"), 0x0304);
  EXPECT_EQ(in.little<std::int16_t>("x"), static_cast<std::int16_t>(0xfeff));
  EXPECT_EQ(in.left(), 1u);
  EXPECT_EQ(in.take_text(1, "x"), "\x05");
  EXPECT_TRUE(in.at_end());
  ByteReader negative(bytes_of(data));
  negative.skip(4, "x");
  EXPECT_EQ(negative.big<std::int16_t>("x"), -2);
}

TEST(ByteReader, NeverLeavesItsBytes) {
  const std::string data = "abcdef";
  for (const std::uint64_t n : {std::uint64_t{7}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    ByteReader in(bytes_of(data), 100);
    in.skip(2, "x");
    try {
      in.take(n, "the header");
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadFile);
      EXPECT_EQ(error.offset(), 102u);
      EXPECT_EQ(error.message(), "the file ends inside the header");
    }
    EXPECT_EQ(in.left(), 4u);  // a failed read takes nothing
  }
  ByteReader in(bytes_of(data));
  EXPECT_THROW(in.little<std::uint64_t>("x"), Error);
  EXPECT_THROW(in.seek(7, "x"), Error);
  in.seek(6, "x");
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(in.take(0, "x").size(), 0u);
  ByteReader nothing(Bytes{});
  EXPECT_TRUE(nothing.at_end());
  EXPECT_THROW(nothing.little<std::uint8_t>("x"), Error);
}

}  // namespace
}  // namespace dq
