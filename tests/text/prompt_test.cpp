// The prompt language: what the golden windows do not show.
#include "text/prompt.h"

#include <cstring>
#include <limits>

#include "base/error.h"
#include "text_support.h"

namespace dq::text {
namespace {

using test::clip;

constexpr PromptOptions kComfy{Reading::kComfy};
constexpr PromptOptions kA1111{Reading::kA1111};

std::optional<int> one_word(std::string_view name) {
  return name == "style" ? std::optional(2) : std::nullopt;
}

ParsedPrompt parse(std::string_view prompt, const PromptOptions& options) {
  return parse_prompt(prompt, clip(), options, one_word, 49407, {"style"});
}

// "cat*1.1 dog": the tokens of the prompt as text, with weights that are not 1.
std::string shown(const ParsedPrompt& parsed, std::size_t window = 0) {
  std::string out;
  for (const Slot& s : parsed.windows.at(window).slots) {
    if (s.token >= clip().begin_token()) continue;
    if (!out.empty()) out += ' ';
    std::string token =
        s.word >= 0 ? "{" + parsed.words[static_cast<std::size_t>(s.word)] + "}" : clip().decode(s.token);
    if (token.ends_with(' ')) token.pop_back();
    out += token;
    char weight[32];
    std::snprintf(weight, sizeof weight, "*%.4g", static_cast<double>(s.weight));
    if (s.weight != 1) out += weight;
  }
  return out;
}

TEST(Prompt, EmptyPromptIsOneWindow) {
  for (const PromptOptions& options : {kComfy, kA1111}) {
    const ParsedPrompt parsed = parse("", options);
    ASSERT_EQ(parsed.windows.size(), 1u);
    EXPECT_EQ(parsed.windows[0].slots[0].token, 49406);
    for (std::size_t i = 1; i < 77; ++i) EXPECT_EQ(parsed.windows[0].slots[i].token, 49407);
    EXPECT_EQ(parsed.token_count, 0);
    EXPECT_FALSE(parsed.any_weight);
  }
}

TEST(Prompt, PadTokenFillsAfterTheEnd) {
  const ParsedPrompt parsed = parse_prompt("a cat", clip(), kComfy, nullptr, 0);
  const auto& slots = parsed.windows[0].slots;
  EXPECT_EQ(slots[3].token, 49407);
  for (std::size_t i = 4; i < 77; ++i) EXPECT_EQ(slots[i].token, 0);
  EXPECT_EQ(parsed.token_count, 2);
}

TEST(Prompt, ReadingsDifferInNestedWeights) {
  EXPECT_EQ(shown(parse("((cat:1.2) dog:2)", kComfy)), "cat*1.2 dog*2");
  EXPECT_EQ(shown(parse("((cat:1.2) dog:2)", kA1111)), "cat*2.4 dog*2");
  EXPECT_EQ(shown(parse("((cat)) [dog]", kComfy)), "cat*1.21 [ dog ]");
  EXPECT_EQ(shown(parse("((cat)) [dog]", kA1111)), "cat*1.21 dog*0.9091");
}

TEST(Prompt, EscapedBracketsAreText) {
  EXPECT_EQ(shown(parse("a \\(b\\) (c)", kComfy)), "a ( b ) c*1.1");
  EXPECT_EQ(shown(parse("a \\(b\\) (c) \\[d\\]", kA1111)), "a ( b ) c*1.1 [ d ]");
}

TEST(Prompt, NumbersThatAreNoWeightsAreText) {
  EXPECT_EQ(shown(parse("(cat:inf)", kComfy)), "cat*1.1 :*1.1 inf*1.1");
  EXPECT_EQ(shown(parse("(cat:nan)", kComfy)), "cat*1.1 :*1.1 nan*1.1");
  EXPECT_EQ(shown(parse("(cat:1.2.3)", kA1111)), "cat*1.1 :*1.1 1*1.1 .*1.1 2*1.1 .*1.1 3*1.1");
  EXPECT_EQ(shown(parse("(cat:1e999)", kComfy)).substr(0, 7), "cat*1.1");
}

TEST(Prompt, HugeWeightsAreCutWithAWarning) {
  const ParsedPrompt parsed = parse("(cat:1e30)", kComfy);
  EXPECT_EQ(shown(parsed), "cat*1000");
  ASSERT_EQ(parsed.warnings.size(), 1u);
  EXPECT_NE(parsed.warnings[0].find("cut"), std::string::npos);
  EXPECT_EQ(shown(parse(std::string(900, '(') + "cat", kA1111)), "cat*1000");
}

TEST(Prompt, LearnedWords) {
  const ParsedPrompt comfy = parse("a (embedding:style:1.3), cat", kComfy);
  EXPECT_EQ(shown(comfy), "a {style}*1.3 {style}*1.3 , cat");
  EXPECT_EQ(comfy.words, std::vector<std::string>{"style"});
  EXPECT_EQ(comfy.windows[0].slots[2].vector, 0);
  EXPECT_EQ(comfy.windows[0].slots[3].vector, 1);
  EXPECT_EQ(comfy.windows[0].slots[3].token, 0);
  EXPECT_EQ(comfy.token_count, 5);
  EXPECT_EQ(shown(parse("a [Style], style", kA1111)), "a {style}*0.9091 {style}*0.9091 , {style} {style}");
}

TEST(Prompt, UnknownLearnedWordIsNamed) {
  const ParsedPrompt parsed = parse("embedding:stlye, cat embedding:stlye", kComfy);
  EXPECT_EQ(shown(parsed), ", cat");
  EXPECT_EQ(parsed.unknown_words, std::vector<std::string>{"stlye"});
  ASSERT_EQ(parsed.warnings.size(), 1u);
  EXPECT_NE(parsed.warnings[0].find("stlye"), std::string::npos);
}

TEST(Prompt, EmbeddingWithoutAName) {
  for (const char* prompt : {"embedding:", "(embedding::1.2)", "embedding:\n"}) {
    const ParsedPrompt parsed = parse(prompt, kComfy);
    ASSERT_EQ(parsed.warnings.size(), 1u) << prompt;
    EXPECT_NE(parsed.warnings[0].find("no name"), std::string::npos);
    EXPECT_EQ(parsed.token_count, 0) << prompt;
  }
}

TEST(Prompt, WithoutLearnedWordsEmbeddingIsText) {
  EXPECT_EQ(shown(parse_prompt("embedding:style", clip(), kComfy, nullptr)), "embed ding : style");
}

TEST(Prompt, TooManyVectorsInA1111AreCut) {
  const VectorsOf many = [](std::string_view) { return std::optional(100); };
  const ParsedPrompt parsed = parse_prompt("style", clip(), kA1111, many, 49407, {"style"});
  EXPECT_EQ(parsed.token_count, 75);
  EXPECT_EQ(parsed.warnings.size(), 1u);
  EXPECT_EQ(parse_prompt("embedding:style", clip(), kComfy, many).token_count, 100);
}

TEST(Prompt, BreakStartsAChunkInA1111Only) {
  const ParsedPrompt a1111 = parse("cat BREAK dog", kA1111);
  ASSERT_EQ(a1111.windows.size(), 2u);
  EXPECT_EQ(shown(a1111, 0), "cat");
  EXPECT_EQ(shown(a1111, 1), "dog");
  EXPECT_EQ(a1111.token_count, 2);
  EXPECT_EQ(parse("(cat BREAK dog:1.3)", kA1111).windows.size(), 2u);
  EXPECT_EQ(parse("cat break dog", kA1111).windows.size(), 1u);
  EXPECT_EQ(parse("outBREAK", kA1111).windows.size(), 1u);
  const ParsedPrompt comfy = parse("cat BREAK dog", kComfy);
  EXPECT_EQ(shown(comfy), "cat break dog");
  EXPECT_EQ(comfy.warnings.size(), 1u);
}

TEST(Prompt, CommentsAreHiddenInA1111Only) {
  EXPECT_EQ(shown(parse("cat # not <lora:x:1> a dog\nbird\n# fish", kA1111)), "cat bird");
  EXPECT_TRUE(parse("# <lora:x:1>", kA1111).adapters.empty());
  EXPECT_EQ(shown(parse("cat #1", kComfy)), "cat # 1");
}

TEST(Prompt, WhatIsNotThereYetIsSaid) {
  for (const char* prompt : {"[cat:dog:0.5]", "[cat|dog]", "[(a):b:3]", "cat AND dog", "a embedding:style"}) {
    EXPECT_EQ(parse(prompt, kA1111).warnings.size(), 1u) << prompt;
  }
  for (const char* prompt : {"[cat]", "[(cat:1.2)]", "a: b", "a|b", "[(a:b)]", "BAND", "and"}) {
    EXPECT_TRUE(parse(prompt, kA1111).warnings.empty()) << prompt;
  }
}

TEST(Prompt, AdapterTags) {
  const std::string prompt = "cat<lora:ink:0.8> <lora:line art:0.7:0.3:lbw=XYZ:start=0.2>, <lyco:b> dog";
  const ParsedPrompt comfy = parse(prompt, kComfy);
  EXPECT_EQ(shown(comfy), "cat , dog");
  ASSERT_EQ(comfy.adapters.size(), 3u);
  EXPECT_EQ(comfy.adapters[0].name, "ink");
  EXPECT_EQ(comfy.adapters[0].model_strength, 0.8);
  EXPECT_EQ(comfy.adapters[0].text_strength, 0.8);
  EXPECT_EQ(comfy.adapters[1].name, "line art");
  EXPECT_EQ(comfy.adapters[1].model_strength, 0.7);
  EXPECT_EQ(comfy.adapters[1].text_strength, 0.3);
  EXPECT_EQ(comfy.adapters[1].options,
            (std::map<std::string, std::string>{{"lbw", "XYZ"}, {"start", "0.2"}}));
  EXPECT_EQ(comfy.adapters[2].model_strength, 1);
  const ParsedPrompt a1111 = parse(prompt, kA1111);
  EXPECT_EQ(a1111.adapters[1].text_strength, 0.7);
  EXPECT_EQ(a1111.adapters[1].model_strength, 0.3);
}

TEST(Prompt, AdapterTagsByKey) {
  const ParsedPrompt parsed = parse("<lora:a:te=0.5><lora:b:te=0.5:unet=0.9><lora:c:0.6:unet=1.5>", kA1111);
  ASSERT_EQ(parsed.adapters.size(), 3u);
  EXPECT_EQ(parsed.adapters[0].text_strength, 0.5);
  EXPECT_EQ(parsed.adapters[0].model_strength, 0.5);
  EXPECT_EQ(parsed.adapters[1].model_strength, 0.9);
  EXPECT_EQ(parsed.adapters[2].text_strength, 0.6);
  EXPECT_EQ(parsed.adapters[2].model_strength, 1.5);
}

TEST(Prompt, BrokenTags) {
  EXPECT_EQ(shown(parse("<lora:a", kComfy)), "< lor a : a");
  EXPECT_EQ(shown(parse("<lora:>", kComfy)), "< lor a :>");
  EXPECT_EQ(shown(parse("a < b > c", kComfy)), "a < b > c");
  const ParsedPrompt bad_number = parse("<lora:a:strong>", kComfy);
  ASSERT_EQ(bad_number.adapters.size(), 1u);
  EXPECT_EQ(bad_number.adapters[0].model_strength, 1);
  EXPECT_EQ(bad_number.warnings.size(), 1u);
  const ParsedPrompt other = parse("cat <hypernet:x:1>", kA1111);
  EXPECT_EQ(shown(other), "cat");
  EXPECT_TRUE(other.adapters.empty());
  EXPECT_EQ(other.warnings.size(), 1u);
}

void expect_refused(std::string_view prompt, const PromptOptions& options) {
  try {
    parse(prompt, options);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
  }
}

TEST(Prompt, LimitsAreErrors) {
  for (const PromptOptions& options : {kComfy, kA1111}) {
    expect_refused(std::string(kMaxPromptBytes + 1, 'a'), options);
    expect_refused(std::string(kMaxNesting + 1, '('), options);
    expect_refused(std::string(kMaxNesting + 1, '(') + "a" + std::string(kMaxNesting + 1, ')'), options);
    EXPECT_EQ(parse(std::string(kMaxNesting, '(') + "a" + std::string(kMaxNesting, ')'), options).token_count,
              1);
  }
  expect_refused(std::string(kMaxNesting + 1, '['), kA1111);
  std::string breaks;
  for (int i = 0; i < 100'000; ++i) breaks += " BREAK";
  expect_refused(breaks, kA1111);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "embedding:big ";
  const VectorsOf big = [](std::string_view) { return std::optional(1 << 19); };
  EXPECT_THROW(parse_prompt(many, clip(), kComfy, big), Error);
  const VectorsOf endless = [](std::string_view) { return std::optional(std::numeric_limits<int>::max()); };
  EXPECT_THROW(parse_prompt(many, clip(), kComfy, endless), Error);
}

// Worst cases that must neither hang nor crash: a quarter of a megabyte of each, and one as long as allowed.
TEST(Prompt, LongPromptsEnd) {
  for (const PromptOptions& options : {kComfy, kA1111}) {
    for (const char* unit :
         {"a", "a ", ")", "()", "(a:1.2)", ":", "<", "<a:", "\\", "\\(", ",", "embedding:x ", "\n", "猫"}) {
      std::string prompt;
      while (prompt.size() < kMaxPromptBytes / 4) prompt += unit;
      EXPECT_NO_THROW(parse(prompt, options)) << unit;
    }
    std::string deep(kMaxNesting, '(');
    while (deep.size() < kMaxPromptBytes - kMaxNesting - 8) deep += "(a)";
    deep.resize(kMaxPromptBytes - kMaxNesting, ' ');
    deep += std::string(kMaxNesting, ')');
    expect_refused(deep, options);  // one deeper than allowed
    EXPECT_NO_THROW(parse(deep.substr(1), options));
  }
}

TEST(Prompt, WarningsAreFew) {
  std::string prompt;
  for (int i = 0; i < 1000; ++i) prompt += "embedding:x" + std::to_string(i) + " ";
  const ParsedPrompt parsed = parse(prompt, kComfy);
  EXPECT_EQ(parsed.warnings.size(), 32u);
  EXPECT_EQ(parsed.unknown_words.size(), 32u);
}

TEST(Prompt, InThePlainReadingEveryCharacterIsText) {
  const std::string odd = "(cat:1.4) BREAK <lora:x:1> embedding:style \\( # no comment";
  const ParsedPrompt plain = parse_prompt(odd, clip(), {.reading = Reading::kPlain}, nullptr);
  ASSERT_EQ(plain.windows.size(), 1u);
  EXPECT_FALSE(plain.any_weight);
  EXPECT_TRUE(plain.words.empty() && plain.adapters.empty() && plain.warnings.empty());
  const std::vector<std::int32_t> tokens = clip().encode(odd);
  for (std::size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(plain.windows[0].slots[i + 1].token, tokens[i]);
  EXPECT_EQ(plain.windows[0].slots[tokens.size() + 1].token, clip().end_token());
  EXPECT_EQ(parse("", {.reading = Reading::kPlain}).windows.size(), 1u);
  std::string words;
  for (int i = 0; i < 76; ++i) words += "cat ";
  const ParsedPrompt two = parse(words, {.reading = Reading::kPlain});
  ASSERT_EQ(two.windows.size(), 2u);
  EXPECT_EQ(two.token_count, 76);
}

// Captions: the vectors of a learned word take the place of its name, and nothing else of the text changes.
TEST(Prompt, InThePlainReadingAWordStandsByItsName) {
  const PromptOptions plain{.reading = Reading::kPlain};
  const ParsedPrompt parsed = parse("a cat in (Style), stylish style's", plain);
  EXPECT_EQ(parsed.words, std::vector<std::string>{"style"});
  EXPECT_EQ(shown(parsed), "a cat in ( {style} {style} ), stylish {style} {style} 's");
  EXPECT_EQ(parsed.windows[0].slots[5].vector, 0);
  EXPECT_EQ(parsed.windows[0].slots[6].vector, 1);
  EXPECT_EQ(shown(parse("style", plain)), "{style} {style}");
  // Of two names at one place the longer one is meant.
  const auto two = [](std::string_view name) { return std::optional(name == "style" ? 1 : 3); };
  const ParsedPrompt longer = parse_prompt("a style-new", clip(), plain, two, 49407, {"style", "style-new"});
  EXPECT_EQ(shown(longer), "a {style-new} {style-new} {style-new}");
}

TEST(Prompt, InThePlainReadingAWordIsNotCutOverWindows) {
  std::string text;
  for (int i = 0; i < 74; ++i) text += "cat ";
  const ParsedPrompt parsed = parse(text + "style dog", {.reading = Reading::kPlain});
  ASSERT_EQ(parsed.windows.size(), 2u);
  EXPECT_EQ(shown(parsed, 1), "{style} {style} dog");
  EXPECT_EQ(parsed.windows[0].slots[75].token, clip().end_token());
}

}  // namespace
}  // namespace dq::text
