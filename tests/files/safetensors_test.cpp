// The rules of the safetensors format, one test each.
#include "files/safetensors.h"

#include <gtest/gtest.h>

#include "files/builders.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace dq::files {
namespace {

using test::bytes_of;
using test::error_of;
using test::safetensors;

const std::string kData(24, 'd');
const std::string kGood =
    R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"F16","shape":[4],"data_offsets":[16,24]}})";

// A header of one tensor "a" with these fields, over 16 bytes of data.
std::string one(const std::string& fields) {
  return safetensors("{\"a\":{" + fields + "}}", kData.substr(0, 16));
}
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return one("\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
}

void expect_bad(const std::string& file, const std::string& message, ErrorCode code = ErrorCode::kBadFile) {
  const Error error = error_of([&] { parse_safetensors(bytes_of(file)); });
  EXPECT_EQ(error.code(), code) << file.substr(8, 200) << "\n" << error.what();
  EXPECT_NE(error.message().find(message), std::string::npos) << error.what();
}

void expect_good(const std::string& file, std::size_t tensors) {
  EXPECT_EQ(parse_safetensors(bytes_of(file)).tensors.size(), tensors) << file.substr(8, 200);
}

TEST(Safetensors, ReadsAHeader) {
  const std::string file = safetensors(kGood, kData);
  const ParsedWeights got = parse_safetensors(bytes_of(file));
  ASSERT_EQ(got.tensors.size(), 2u);
  EXPECT_EQ(got.tensors[0].name, "a");
  EXPECT_EQ(got.tensors[0].dtype, DType::kF32);
  EXPECT_EQ(got.tensors[0].shape, (Shape{2, 2}));
  EXPECT_EQ(got.tensors[0].strides, (Shape{2, 1}));
  EXPECT_EQ(got.tensors[0].offset, 8 + kGood.size());
  EXPECT_EQ(got.tensors[1].offset, 8 + kGood.size() + 16);
  EXPECT_EQ(got.tensors[1].bytes, 8u);
}

TEST(Safetensors, Rule1NeedsEightBytes) {
  for (std::size_t n = 0; n < 8; ++n) expect_bad(std::string(n, '\0'), "ends inside the header's length");
}

TEST(Safetensors, Rule2HeaderFitsIntoFileAndLimit) {
  expect_bad(test::little<std::uint64_t>(100'000'001) + "{}", "more than 100 MB");
  expect_bad(test::little<std::uint64_t>(~0ull) + "{}", "more than 100 MB");
  expect_bad(test::little<std::uint64_t>(3) + "{}", "the file holds 2");
  expect_good(test::little<std::uint64_t>(2) + "{}", 0);
}

TEST(Safetensors, Rule3BeginsWithABrace) {
  expect_bad(safetensors(" {}", ""), "begin with '{'");
  expect_bad(safetensors("\xef\xbb\xbf{}", ""), "begin with '{'");
  expect_bad(safetensors("[]", ""), "begin with '{'");
  expect_bad(safetensors("", ""), "begin with '{'");
}

TEST(Safetensors, Rule4IsUtf8) {
  for (const char* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80"}) {
    expect_bad(
        safetensors(std::string("{\"") + bad + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", ""),
        "malformed");
  }
  expect_good(safetensors("{\"丹青\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", ""), 1);
}

TEST(Safetensors, Rule5IsJsonWithOnlyBlanksBehind) {
  expect_good(safetensors(kGood + "   ", kData), 2);
  for (const char* tail : {"\n", "\t", "x", "{}", "\0"}) {
    expect_bad(safetensors(kGood + " " + std::string(tail, 1), kData), "other than blanks");
  }
  expect_bad(safetensors("{\"a\":}", ""), "malformed");
  expect_bad(safetensors("{\"a\":{\"dtype\":\"F32\"", ""), "malformed");
  expect_bad(safetensors("{/**/}", ""), "malformed");
}

TEST(Safetensors, Rule6NoKeyTwice) {
  const std::string tensor = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  const std::string file =
      safetensors("{\"k\":" + tensor + ",\"z\":" + tensor + ",\"k\":" + tensor + "}", "");
  const Error error = error_of([&] { parse_safetensors(bytes_of(file)); });
  EXPECT_EQ(error.code(), ErrorCode::kBadFile);
  EXPECT_EQ(error.key(), "k");
  EXPECT_EQ(error.offset(), file.size() - 1);  // behind the second one
  expect_bad(one(R"("dtype":"U8","dtype":"U8","shape":[16],"data_offsets":[0,16])"), "dtype appears twice");
  expect_bad(one(R"("dtype":"U8","shape":[16],"shape":[16],"data_offsets":[0,16])"), "shape appears twice");
  expect_bad(one(R"("dtype":"U8","shape":[16],"data_offsets":[0,16],"data_offsets":[0,16])"),
             "data_offsets appears twice");
  expect_bad(safetensors(R"({"__metadata__":{},"__metadata__":{}})", ""), "__metadata__ appears twice");
  expect_bad(safetensors(R"({"__metadata__":{"x":"1","x":"2"}})", ""), "key 'x' twice");
}

TEST(Safetensors, Rule7MetadataIsTextToText) {
  const std::string file = safetensors(R"({"__metadata__":{"format":"pt","empty":""}})", "");
  EXPECT_EQ(parse_safetensors(bytes_of(file)).metadata,
            (std::map<std::string, std::string>{{"empty", ""}, {"format", "pt"}}));
  for (const char* value : {"1", "null", "true", "-1", "1.5", "[]", "{}"}) {
    expect_bad(safetensors("{\"__metadata__\":{\"x\":" + std::string(value) + "}}", ""),
               "has no place for it");
  }
  for (const char* value : {"1", "null", "\"x\"", "[]"}) {
    expect_bad(safetensors("{\"__metadata__\":" + std::string(value) + "}", ""), "has no place for it");
  }
}

TEST(Safetensors, Rule8HasExactlyThreeFields) {
  expect_bad(one(R"("shape":[16],"data_offsets":[0,16])"), "dtype is missing");
  expect_bad(one(R"("dtype":"U8","data_offsets":[0,16])"), "shape is missing");
  expect_bad(one(R"("dtype":"U8","shape":[16])"), "must be two numbers");
  expect_bad(one(R"("dtype":"U8","shape":[16],"data_offsets":[0,16],"x":1)"), "no field 'x'");
  expect_bad(one("\"U8\"", "[16]", "[0]"), "must be two numbers");
  expect_bad(one("\"U8\"", "[16]", "[0,16,16]"), "must be two numbers");
  expect_bad(one("\"U8\"", "16", "[0,16]"), "has no place for it");
  expect_bad(one("\"U8\"", "{}", "[0,16]"), "has no place for it");
  expect_bad(one("\"U8\"", "[[16]]", "[0,16]"), "has no place for it");
  expect_bad(safetensors(R"({"a":[1]})", ""), "has no place for it");
  expect_bad(safetensors(R"({"a":1})", ""), "has no place for it");
}

TEST(Safetensors, Rule9KnowsTheElementTypes) {
  for (const char* bad : {"\"f32\"", "\"F128\"", "\"\"", "\"F32 \""})
    expect_bad(one(bad, "[4]", "[0,16]"), "not an element type");
  expect_bad(one("4", "[4]", "[0,16]"), "has no place for it");
  for (const char* name : {"F64", "I64", "U64"})
    expect_good(one("\"" + std::string(name) + "\"", "[2]", "[0,16]"), 1);
  for (const char* name : {"F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"})
    expect_good(one("\"" + std::string(name) + "\"", "[16]", "[0,16]"), 1);
  // Legal, but of no use to us yet.
  expect_bad(one("\"F8_E8M0\"", "[16]", "[0,16]"), "F8_E8M0 is not supported", ErrorCode::kUnsupported);
  expect_bad(one("\"C64\"", "[2]", "[0,16]"), "C64 is not supported", ErrorCode::kUnsupported);
  expect_bad(one("\"F4\"", "[32]", "[0,16]"), "F4 is not supported", ErrorCode::kUnsupported);
  expect_bad(one("\"F4\"", "[31]", "[0,16]"), "does not end at a byte");
  expect_bad(one("\"F6_E2M3\"", "[3]", "[0,16]"), "does not end at a byte");
  const Error error = error_of([&] { parse_safetensors(bytes_of(one("\"C64\"", "[2]", "[0,16]"))); });
  EXPECT_EQ(error.key(), "a");
  EXPECT_FALSE(error.hint().empty());
}

TEST(Safetensors, Rule10ShapeIsNaturalAndDoesNotOverflow) {
  for (const char* bad : {"[-1]", "[1.0]", "[1e2]", "[\"4\"]", "[null]", "[true]", "[-0]"}) {
    expect_bad(one("\"F32\"", bad, "[0,16]"), "has no place for it");
  }
  expect_bad(one("\"F32\"", "[18446744073709551615]", "[0,16]"), "too large");
  expect_bad(one("\"F32\"", "[18446744073709551616]", "[0,16]"), "has no place for it");
  expect_bad(one("\"F32\"", "[4294967296,4294967296]", "[0,16]"), "overflows");
  expect_bad(one("\"F32\"", "[4611686018427387904]", "[0,16]"), "overflows");  // × 4 wraps to 0 in bytes
  expect_bad(one("\"U8\"", "[2305843009213693954]", "[0,16]"), "overflows");   // × 8 bits wraps to 16
  expect_bad(one("\"F32\"", "[4294967296,4294967296,0]", "[0,0]"), "overflows");
}

TEST(Safetensors, Rule11OffsetsFitTheShape) {
  expect_bad(one("\"F32\"", "[4]", "[16,0]"), "end before they begin");
  expect_bad(one("\"F32\"", "[4]", "[0,12]"), "hold 12 bytes, the shape needs 16");
  expect_bad(one("\"F32\"", "[5]", "[0,20]"), "the file has 16");
  expect_bad(one("\"F32\"", "[4]", "[18446744073709551600,18446744073709551615]"), "the file has 16");
  expect_bad(one("\"F32\"", "[4]", "[-16,0]"), "has no place for it");
}

TEST(Safetensors, Rule12NoHoleNoOverlap) {
  const auto two = [](const std::string& a, const std::string& b) {
    return safetensors(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":)" + a +
                           R"(},"b":{"dtype":"U8","shape":[8],"data_offsets":)" + b + "}}",
                       kData);
  };
  expect_bad(two("[0,8]", "[16,24]"), "a hole");
  expect_bad(two("[8,16]", "[16,24]"), "a hole");
  expect_bad(two("[0,8]", "[4,12]"), "an overlap");
  expect_bad(two("[0,8]", "[0,8]"), "an overlap");
  // The order in the header is free; only the data must be without gap.
  expect_good(
      safetensors(
          R"({"b":{"dtype":"U8","shape":[8],"data_offsets":[16,24]},"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}})",
          kData),
      2);
}

TEST(Safetensors, Rule13NothingBehindTheLastTensor) {
  expect_bad(safetensors(kGood, kData + "x"), "tensors end after 24 bytes of data, the file holds 25");
  expect_bad(safetensors("{}", "polyglot"), "the file holds 8");
  expect_bad(safetensors(kGood, kData.substr(1)), "the file has 23");
}

TEST(Safetensors, Rule14ScalarsAndEmptyTensorsAreFine) {
  const std::string file = safetensors(
      R"({"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e":{"dtype":"F32","shape":[3,0,7],"data_offsets":[4,4]},"f":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
      "ssss");
  expect_good(file, 3);
}

TEST(Safetensors, Rule15NanAndInfinityAreFine) {
  const std::string file = safetensors(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                                       std::string("\0\0\xc0\x7f\0\0\x80\x7f", 8));
  expect_good(file, 1);
}

TEST(Safetensors, LimitRank) {
  expect_good(one("\"U8\"", "[1,1,1,1,1,1,1,16]", "[0,16]"), 1);
  expect_bad(one("\"U8\"", "[1,1,1,1,1,1,1,1,16]", "[0,16]"), "more than 8 dimensions");
}

TEST(Safetensors, LimitNames) {
  const auto named = [](const std::string& name) {
    return safetensors("{\"" + name + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", "");
  };
  expect_good(named(std::string(1024, 'n')), 1);
  expect_bad(named(std::string(1025, 'n')), "longer than 1 KiB");
  expect_bad(named(""), "empty name");
  expect_bad(named("a\\n"), "control characters");
  expect_bad(named("a\\u0000b"), "control characters");
  expect_bad(named("a\x7f"), "control characters");
  expect_bad(named(std::string(100'000, 'n')), "too long");
}

TEST(Safetensors, LimitDepth) {
  expect_bad(one("\"U8\"", std::string(5000, '['), "[0,16]"), "");
  const Error error =
      error_of([&] { parse_safetensors(bytes_of(one("\"x\":" + std::string(100'000, '[')))); });
  EXPECT_EQ(error.code(), ErrorCode::kBadFile);
}

TEST(Safetensors, LimitTensorCount) {
  std::string header = "{";
  for (int i = 0; i < 65'537; ++i) {
    header += (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  }
  expect_bad(safetensors(header + "}", ""), "more than 65536 tensors");
}

// Told by where it begins, before the parser walks through it; escaped quotes do not end it.
TEST(Safetensors, LimitText) {
  const auto with_text = [](std::size_t bytes, const std::string& more = "") {
    return safetensors(R"({"__metadata__":{"a":")" + std::string(bytes, 'x') + more + R"("}})", "");
  };
  EXPECT_NO_THROW(parse_safetensors(bytes_of(with_text(1 << 20))));
  EXPECT_NO_THROW(parse_safetensors(bytes_of(with_text(1 << 20, R"(\"\\)"))));
  expect_bad(with_text(17u << 20), "a text in the header is longer than 16 MiB");
  expect_bad(with_text(9u << 20, R"(\")" + std::string(9u << 20, 'x')), "longer than 16 MiB");
  const Error error = error_of([&] { parse_safetensors(bytes_of(with_text(17u << 20))); });
  EXPECT_EQ(error.offset(), 8 + std::string_view(R"({"__metadata__":{"a":)").size());
}

TEST(Safetensors, ErrorsNameThePlace) {
  test::TempDir dir;
  const auto path = dir.write("model.safetensors", one("\"F32\"", "[5]", "[0,16]"));
  const Error error = error_of([&] { open_weights(path); });
  EXPECT_EQ(error.file(), path.string());
  EXPECT_EQ(error.key(), "a");
  ASSERT_TRUE(error.offset().has_value());
  EXPECT_EQ(*error.offset(),
            8u + std::string(R"({"a":{"dtype":"F32","shape":[5],"data_offsets":[0,16]})").size());
  EXPECT_NE(error.hint().find("fetch it again"), std::string::npos);
}

TEST(Safetensors, ReadsWhatTheLibraryWrites) {
  const auto source = open_weights(test::golden_path("files/types.safetensors"));
  EXPECT_EQ(source->format(), Format::kSafetensors);
  EXPECT_EQ(source->tensors().size(), 17u);
  EXPECT_EQ(source->find("f8_e4m3")->dtype, DType::kF8E4M3);
  EXPECT_EQ(source->find("empty")->shape, (Shape{0, 4}));
  EXPECT_EQ(source->find("nothing"), nullptr);
  EXPECT_EQ(open_weights(test::golden_path("files/empty.safetensors"))->tensors().size(), 0u);
}

}  // namespace
}  // namespace dq::files
