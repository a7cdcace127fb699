// The tokenizer against transformers' CLIPTokenizer (tests/golden/make_text.py) and its own rules.
#include "text/clip_tokenizer.h"

#include <cstdio>
#include <span>

#include "base/error.h"
#include "base/sha256.h"
#include "text_support.h"

namespace dq::text {
namespace {

using test::clip;
using test::golden_json;
using Ids = std::vector<std::int32_t>;

std::string fnv_hex(const Ids& ids) {
  std::uint64_t value = 0xCBF29CE484222325;
  for (const std::int32_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      value = (value ^ ((static_cast<std::uint32_t>(id) >> shift) & 0xFF)) * 0x100000001B3;
    }
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

TEST(ClipTokenizer, TenThousandTextsAsTransformers) {
  const nlohmann::json golden = golden_json("text/clip_tokens.json");
  std::size_t seen = 0, wrong = 0;
  const auto check = [&](const std::string& text, std::size_t count, const std::string& hash) {
    const Ids ids = clip().encode(text);
    ++seen;
    const bool right = ids.size() == count && fnv_hex(ids) == hash;
    if (!right && ++wrong <= 5) ADD_FAILURE() << "other ids for " << nlohmann::json(text).dump(-1, ' ', true);
  };
  for (const auto& row : golden["known"]) {
    EXPECT_EQ(clip().encode(row[0].get<std::string>()), row[1].get<Ids>()) << row[0];
    ++seen;
  }
  for (const auto& row : golden["hashed"]) check(row[0], row[1], row[2]);
  for (const auto& row : golden["long"]) {
    std::string text;
    for (int i = 0; i < row[1].get<int>(); ++i) text += row[0].get<std::string>();
    check(text, row[2], row[3]);
  }
  EXPECT_EQ(seen, 10'000u);
  EXPECT_EQ(wrong, 0u);
}

TEST(ClipTokenizer, SmallVocabularyAsTransformers) {
  std::string merges = clip().merges_text();
  std::size_t end = 0;
  for (int line = 0; line < 1001; ++line) end = merges.find('\n', end) + 1;
  const ClipTokenizer small(std::string_view(merges).substr(0, end));
  EXPECT_EQ(small.vocabulary_size(), 512 + 1000 + 2);
  const nlohmann::json golden = golden_json("text/clip_tokens.json");
  ASSERT_EQ(golden["small"].size(), 60u);
  for (const auto& row : golden["small"]) {
    EXPECT_EQ(small.encode(row[0].get<std::string>()), row[1].get<Ids>()) << row[0];
  }
}

// The SHA-256 of OpenAI's merges ("#version: 0.2", 48,894 lines), so that the built-in table is that one.
TEST(ClipTokenizer, BuiltInMergesAreOpenAIs) {
  const std::string merges = clip().merges_text();
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(merges))),
            "9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a");
  EXPECT_EQ(clip().vocabulary_size(), 49'408);
  EXPECT_EQ(clip().begin_token(), 49'406);
  EXPECT_EQ(clip().end_token(), 49'407);
}

TEST(ClipTokenizer, ReadsItsOwnMergesText) {
  const ClipTokenizer again(clip().merges_text());
  EXPECT_EQ(again.merges_text(), clip().merges_text());
  const std::string text = "A photo of 一只猫, extraordinarily détaillée 👩‍🚀!";
  EXPECT_EQ(again.encode(text), clip().encode(text));
}

TEST(ClipTokenizer, DecodesWhatItEncodes) {
  std::string out;
  for (const std::int32_t id : clip().encode("A Photo, of 猫 <|endoftext|>it's 42")) out += clip().decode(id);
  EXPECT_EQ(out, "a photo , of 猫 <|endoftext|>it 's 4 2 ");
  EXPECT_THROW(clip().decode(-1), Error);
  EXPECT_THROW(clip().decode(49'408), Error);
}

TEST(ClipTokenizer, EmptyAndBlankTextsHaveNoTokens) {
  EXPECT_TRUE(clip().encode("").empty());
  EXPECT_TRUE(clip().encode(" \t\r\n\v\f\u00A0\u2003\u3000").empty());
}

TEST(ClipTokenizer, InvalidUtf8IsReplaced) {
  const Ids replacement = clip().encode("\uFFFD");
  for (const char* bytes : {"\xFF", "\x80", "\xC0", "\xE2\x82", "\xF0\x9F\x98", "\xC3"}) {
    EXPECT_EQ(clip().encode(bytes), replacement);
  }
  EXPECT_EQ(clip().encode("cat \xFF dog"), clip().encode("cat \uFFFD dog"));
  EXPECT_EQ(clip().encode("\xED\xA0\x80"), clip().encode("\uFFFD\uFFFD\uFFFD"));  // a surrogate
}

TEST(ClipTokenizer, LongWordsMergeAsShortOnes) {
  // 2^k letters "a" are cut at the same places whether the word is merged by search or by heap.
  const Ids short_word = clip().encode("aaaaaaaaaaaaaaaaaaaaaaaa");         // 24 letters
  const Ids long_word = clip().encode("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");  // 32 letters
  ASSERT_GE(short_word.size(), 2u);
  EXPECT_EQ(short_word.front(), long_word.front());
  EXPECT_EQ(short_word.back(), long_word.back());
  EXPECT_EQ(clip().encode(std::string(1 << 20, 'x')).size(),
            clip().encode(std::string(1 << 19, 'x')).size() * 2);
}

void expect_bad_merges(std::string_view text, const std::string& part) {
  try {
    const ClipTokenizer tokenizer(text);
    ADD_FAILURE() << "accepted: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadFile);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(ClipTokenizer, BadMergesNameTheLine) {
  expect_bad_merges("#version: 0.2\nab\n", "line 2");
  expect_bad_merges("a b\nc d\nab e\nxy z\n", "line 4");
  expect_bad_merges("a b\na b\n", "line 2");
  expect_bad_merges("a b c\n", "line 1");
  expect_bad_merges("{\"json\": true}", "line 1");
  expect_bad_merges(" a\n", "line 1");
}

TEST(ClipTokenizer, NoMergesIsABytePerToken) {
  const ClipTokenizer bytes("");
  EXPECT_EQ(bytes.vocabulary_size(), 514);
  EXPECT_EQ(bytes.encode("!\"!"), (Ids{0, 1, 256}));
  EXPECT_EQ(bytes.encode("<|startoftext|>"), (Ids{512}));
}

TEST(ClipTokenizer, CarriageReturnsAreNoPartOfASymbol) {
  EXPECT_EQ(ClipTokenizer("a b\r\nab c</w>\r\n").encode("abc"), (Ids{513}));
}

}  // namespace
}  // namespace dq::text
