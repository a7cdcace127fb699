#include "base/error.h"

#include <gtest/gtest.h>

namespace dq {
namespace {

TEST(Error, SaysWhatWhereAndWhatToDo) {
  const Error error = Error(ErrorCode::kBadFile, "the shape overflows")
                          .in("m.safetensors")
                          .key("w")
                          .at(12)
                          .hint("Fetch it again");
  EXPECT_STREQ(error.what(), "the shape overflows (file m.safetensors, key w, at byte 12). Fetch it again");
  EXPECT_EQ(error.code(), ErrorCode::kBadFile);
  EXPECT_STREQ(Error(ErrorCode::kIo, "alone").what(), "alone");
  EXPECT_STREQ(Error(ErrorCode::kIo, "x").at(0).what(), "x (at byte 0)");
}

TEST(Error, ShowsHostileNamesHarmlessly) {
  const Error error = Error(ErrorCode::kBadFile, "bad").key("a\x1b[2Jb\nc\x7f");
  EXPECT_STREQ(error.what(), "bad (key a\\x1b[2Jb\\x0ac\\x7f)");
  EXPECT_EQ(error.key(), "a\x1b[2Jb\nc\x7f");
}

TEST(Error, LongTextIsCut) {
  EXPECT_EQ(printable(std::string(300, 'x'), 10), "xxxxxxxxxx…");
  EXPECT_EQ(printable("丹青", 100), "丹青");
  EXPECT_EQ(printable("", 0), "");
}

TEST(Error, CodesHaveNames) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    EXPECT_NE(to_string(static_cast<ErrorCode>(code)), "unknown error");
  }
}

}  // namespace
}  // namespace dq
