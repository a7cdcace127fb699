// From prompts to conditioning: windows, weights, learned words, clip skip. The network is the small golden
// encoder; the tokenizer has the first 486 of CLIP's merges, so that its vocabulary is the encoder's 1000.
#include "models/clip_text/prompt_encoder.h"

#include <gtest/gtest.h>

#include "models/clip_text/names.h"
#include "models/tiny_model.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "support/golden.h"

namespace dq::test {
namespace {

using models::Conditioning;
using models::LearnedWord;
using models::clip_text::ClipText;
using text::PromptOptions;
using text::Reading;
using Words = std::map<std::string, LearnedWord>;

constexpr std::int64_t kWidth = 48;
constexpr int kEnd = 999;
constexpr double kExact = 1e-6, kGolden = 1e-4;
constexpr PromptOptions kWebui{.reading = Reading::kA1111, .normalise_mean = true};
constexpr PromptOptions kWebuiPlain{.reading = Reading::kA1111, .normalise_mean = false};

text::ClipTokenizer small_tokenizer() {
  return text::ClipTokenizer(tiny_merges());
}

ClipText small_network(Device& device) {
  constexpr std::array<std::string_view, 1> kPrefixes{"text_encoder."};
  const weights::TensorTable table = models::clip_text::locate(tiny_folder(), kPrefixes);
  models::clip_text::Config config = models::clip_text::read_config(table).value();
  config.heads = 4;
  return ClipText(table, config, device);
}

class PromptEncoding : public testing::Test {
 protected:
  Conditioning conditioning(const std::string& prompt, const PromptOptions& options = {}, int clip_skip = 1,
                            const Words& words = {}) const {
    return encoder_(options, prompt, words, clip_skip);
  }
  // The context without complaint.
  Tensor encode(const std::string& prompt, const PromptOptions& options = {}, int clip_skip = 1,
                const Words& words = {}) const {
    const Conditioning out = conditioning(prompt, options, clip_skip, words);
    for (const std::string& warning : out.warnings) ADD_FAILURE() << prompt << ": " << warning;
    return out.context;
  }
  LearnedWord word(const Tensor& vectors, const std::string& key = "clip_l") const {
    LearnedWord out;
    out.vectors.emplace(key, vectors);
    return out;
  }
  std::int64_t tokens_of(const std::string& text) const {
    return static_cast<std::int64_t>(tokenizer_.encode(text).size());
  }

  std::unique_ptr<Device> device_ = ops::make_cpu_device();
  text::ClipTokenizer tokenizer_ = small_tokenizer();
  ClipText network_ = small_network(*device_);
  models::clip_text::PromptEncoder encoder_{small_network(*device_), small_tokenizer(),
                                            models::clip_text::Usage{.pad_token = kEnd}};
};

Tensor rows(const Tensor& context, std::int64_t begin, std::int64_t end) {
  return ops::contiguous(context.slice(1, begin, end));
}

float* row(const Tensor& context, std::int64_t token) {
  return const_cast<float*>(context.data<float>()) + token * kWidth;
}

double mean_of(const Tensor& x) {
  double sum = 0;
  for (std::int64_t i = 0; i < x.count(); ++i) sum += static_cast<double>(x.data<float>()[i]);
  return sum / static_cast<double>(x.count());
}

TEST_F(PromptEncoding, TheSmallTokenizerFitsTheSmallEncoder) {
  EXPECT_EQ(tokenizer_.vocabulary_size(), 1000);
  EXPECT_EQ(tokenizer_.begin_token(), 998);
  EXPECT_EQ(tokenizer_.end_token(), kEnd);
}

TEST_F(PromptEncoding, AnEmptyPromptIsOneWindow) {
  const auto file = files::open_weights(golden_path("models/text_encoder.safetensors"));
  const Tensor last = golden(*file, "last", *device_), skip2 = golden(*file, "skip2", *device_);
  for (const PromptOptions& options : {PromptOptions{}, kWebui}) {
    const Tensor z = encode("", options);
    EXPECT_EQ(z.shape(), (Shape{1, 77, kWidth}));
    EXPECT_LE(relative_error(z, ops::contiguous(last.slice(0, 0, 1))), kGolden);
    EXPECT_LE(relative_error(encode("", options, 2), ops::contiguous(skip2.slice(0, 0, 1))), kGolden);
  }
}

// The golden windows hold 5 and 75 tokens; as vectors of a learned word they pass through everything.
TEST_F(PromptEncoding, ClipSkipTakesEarlierLayersAndTheFinalNorm) {
  const auto file = files::open_weights(golden_path("models/text_encoder.safetensors"));
  const Tensor ids = golden(*file, "ids", *device_);
  const std::string names[] = {"last", "skip2"};
  for (const auto& [window, length] : {std::pair<std::int64_t, std::int64_t>{1, 5}, {2, 75}}) {
    std::vector<std::int32_t> tokens;
    for (std::int64_t i = 1; i <= length; ++i)
      tokens.push_back(static_cast<std::int32_t>(ids.data<float>()[window * 77 + i]));
    const Words words{{"golden", word(network_.embed(tokens))}};
    for (int skip = 1; skip <= 2; ++skip) {
      const Tensor want = golden(*file, names[skip - 1], *device_);
      const Tensor got = encode("embedding:golden", {}, skip, words);
      EXPECT_LE(relative_error(got, ops::contiguous(want.slice(0, window, window + 1))), kGolden)
          << length << " tokens, clip skip " << skip;
    }
  }
}

TEST_F(PromptEncoding, LongPromptsAreWindowsEncodedAlone) {
  std::string first, second;
  for (int i = 0; i < 75; ++i) first += "a ";
  for (int i = 0; i < 25; ++i) second += "b ";
  ASSERT_EQ(tokens_of(first), 75);
  ASSERT_EQ(tokens_of(second), 25);
  for (const PromptOptions& options : {PromptOptions{}, kWebui}) {
    const Tensor both = encode(first + second, options);
    ASSERT_EQ(both.shape(), (Shape{1, 2 * 77, kWidth}));
    EXPECT_LE(relative_error(rows(both, 0, 77), encode(first, options)), kExact);
    EXPECT_LE(relative_error(rows(both, 77, 154), encode(second, options)), kExact);
    const Tensor three = encode(first + first + second, options);
    ASSERT_EQ(three.shape(), (Shape{1, 3 * 77, kWidth}));
    EXPECT_LE(relative_error(rows(three, 154, 231), encode(second, options)), kExact);
  }
}

// ComfyUI: z = e + w·(z − e), where e is the empty prompt's row at the same place.
TEST_F(PromptEncoding, ComfyWeightsLeadAwayFromTheEmptyPrompt) {
  const Tensor plain = encode("one cat and a dog"), empty = encode("");
  const std::int64_t before = tokens_of("one"), cat = tokens_of("cat");
  for (const float weight : {1.5f, 0.5f, 0.0f}) {
    Tensor want = ops::concat({plain}, 0);
    for (std::int64_t t = 1 + before; t < 1 + before + cat; ++t) {
      for (std::int64_t i = 0; i < kWidth; ++i)
        row(want, t)[i] = row(empty, t)[i] + weight * (row(plain, t)[i] - row(empty, t)[i]);
    }
    const Tensor got = encode("one (cat:" + std::to_string(weight) + ") and a dog");
    EXPECT_LE(relative_error(got, want), kExact) << weight;
    EXPECT_GT(relative_error(got, plain), 1e-3) << weight;
  }
}

TEST_F(PromptEncoding, ComfyWeightsInASecondWindowUseTheEmptyPromptsOnlyWindow) {
  std::string first;
  for (int i = 0; i < 75; ++i) first += "a ";
  const Tensor got = rows(encode(first + "(b:1.4)"), 77, 154);
  EXPECT_LE(relative_error(got, encode("(b:1.4)")), kExact);
  EXPECT_GT(relative_error(got, encode("b")), 1e-3);
}

// WebUI: z·w, then scaled to the mean that it had. Forge's "No norm" leaves the scaling out.
TEST_F(PromptEncoding, WebuiWeightsMultiply) {
  const Tensor plain = encode("one cat and a dog", kWebui);
  EXPECT_LE(relative_error(plain, encode("one cat and a dog")), kExact);
  const std::int64_t before = tokens_of("one"), cat = tokens_of("cat");
  Tensor want = ops::concat({plain}, 0);
  for (std::int64_t t = 1 + before; t < 1 + before + cat; ++t) {
    for (std::int64_t i = 0; i < kWidth; ++i) row(want, t)[i] *= 1.5f;
  }
  const std::string weighted = "one (cat:1.5) and a dog";
  EXPECT_LE(relative_error(encode(weighted, kWebuiPlain), want), kExact);
  const double scale = mean_of(plain) / mean_of(want);
  const Tensor scaled = ops::combine({{scale, &want}});
  const Tensor got = encode(weighted, kWebui);
  EXPECT_LE(relative_error(got, scaled), 1e-5);
  EXPECT_NEAR(mean_of(got), mean_of(plain), 1e-5 * std::abs(mean_of(plain)) + 1e-7);
  EXPECT_GT(relative_error(got, want), 1e-5);
}

TEST_F(PromptEncoding, WebuiScalesEachWindowByItself) {
  std::string first;
  for (int i = 0; i < 75; ++i) first += "a ";
  const Tensor both = encode(first + "(b:1.4)", kWebui);
  EXPECT_LE(relative_error(rows(both, 0, 77), encode(first, kWebui)), kExact);
  EXPECT_LE(relative_error(rows(both, 77, 154), encode("(b:1.4)", kWebui)), kExact);
}

TEST_F(PromptEncoding, LearnedWordsTakeThePlaceOfEmbeddings) {
  const Words words{{"twin", word(network_.embed(tokenizer_.encode("cat")))},
                    {"noise", word(random_tensor(*device_, {2, kWidth}, 4))}};
  EXPECT_LE(relative_error(encode("a embedding:twin sat", {}, 1, words), encode("a cat sat")), kExact);
  EXPECT_LE(relative_error(encode("a twin sat", kWebui, 1, words), encode("a cat sat", kWebui)), kExact);
  // Causal: what stands before the word does not see it, what follows does.
  const Tensor changed = encode("a embedding:noise sat", {}, 1, words), plain = encode("a cat sat");
  EXPECT_LE(relative_error(rows(changed, 0, 2), rows(plain, 0, 2)), kExact);
  EXPECT_GT(relative_error(rows(changed, 2, 5), rows(plain, 2, 5)), 1e-2);
  // Weights count for a word's vectors too.
  const Tensor heavy = encode("a (embedding:twin:1.5) sat", {}, 1, words);
  EXPECT_LE(relative_error(heavy, encode("a (cat:1.5) sat")), kExact);
}

TEST_F(PromptEncoding, WordsForOtherEncodersAreLeftOutWithAWarning) {
  const Words words{{"wide", word(random_tensor(*device_, {1, 64}, 1))},
                    {"other", word(random_tensor(*device_, {1, kWidth}, 1), "clip_g")}};
  for (const std::string name : {"wide", "other", "nobody"}) {
    const Conditioning out = conditioning("a embedding:" + name + " dog", {}, 1, words);
    ASSERT_FALSE(out.warnings.empty()) << name;
    for (const std::string& warning : out.warnings)
      EXPECT_NE(warning.find(name), std::string::npos) << warning;
    EXPECT_LE(relative_error(out.context, encode("a dog")), kExact) << name;
    if (name != "wide") continue;
    ASSERT_EQ(out.warnings.size(), 1u) << "it is not unknown as well";
    EXPECT_NE(out.warnings[0].find("wide is for 64-wide text encoders, this model's is 48"),
              std::string::npos)
        << out.warnings[0];
  }
}

TEST_F(PromptEncoding, AdapterTagsAreTakenOutWithAWarning) {
  for (const PromptOptions& options : {PromptOptions{}, kWebui}) {
    const Conditioning out = conditioning("a dog <lora:style:0.8>", options);
    ASSERT_EQ(out.warnings.size(), 1u);
    EXPECT_NE(out.warnings[0].find("style"), std::string::npos) << out.warnings[0];
    EXPECT_LE(relative_error(out.context, encode("a dog", options)), kExact);
  }
}

TEST_F(PromptEncoding, AClipSkipBeyondTheLayersIsRefused) {
  EXPECT_NO_THROW(conditioning("a dog", {}, 4));
  EXPECT_THROW(conditioning("a dog", {}, 6), Error);
}

TEST_F(PromptEncoding, CaptionsInOnePassAreWhatTheyAreAlone) {
  std::string many;
  for (int i = 0; i < 45; ++i) many += "cat ";
  const std::vector<std::string> captions{"a cat", many, ""};
  const Tensor all = encoder_.captions(captions, 2).context;
  ASSERT_EQ(all.shape(), (Shape{3, 154, kWidth}));
  const Tensor nothing = encode("", {}, 2);
  for (std::int64_t i = 0; i < 3; ++i) {
    const Tensor own = ops::contiguous(all.slice(0, i, i + 1));
    const Tensor alone = encode(captions[static_cast<std::size_t>(i)], {}, 2);
    EXPECT_LE(relative_error(ops::contiguous(own.slice(1, 0, alone.dim(1))), alone), kExact) << i;
    if (i == 1) continue;
    EXPECT_LE(relative_error(ops::contiguous(own.slice(1, 77, 154)), nothing), kExact) << i;
  }
  // Brackets are text.
  const std::vector<std::string> weighted{"(cat:1.4)"};
  EXPECT_GT(relative_error(encoder_.captions(weighted, 1).context, encode("(cat:1.4)")), 0.01);
}

TEST_F(PromptEncoding, LearnedWordsStandInCaptionsByTheirNames) {
  const Words words{{"twin", word(network_.embed(tokenizer_.encode("cat")))},
                    {"other", word(network_.embed(tokenizer_.encode("dog")))},
                    {"wide", word(random_tensor(*device_, {1, 64}, 1))}};
  // Each has words of its own, and the second has none of the first's.
  const std::vector<std::string> with{"a twin, sat", "other and Twin", "a wide twinned"},
      without{"a cat, sat", "dog and cat", "a wide twinned"};
  const Tensor got = encoder_.captions(with, 1, words).context;
  EXPECT_LE(relative_error(got, encoder_.captions(without, 1).context), kExact);
  EXPECT_GT(relative_error(got, encoder_.captions(with, 1).context), 1e-2);
}

TEST_F(PromptEncoding, AWordOfATextIsItsTokensEmbeddings) {
  const LearnedWord cat = encoder_.word_of("a cat");
  EXPECT_EQ(relative_error(cat.vectors.at("clip_l"), network_.embed(tokenizer_.encode("a cat"))), 0);
  for (const char* nothing : {"", "  ", "犬", "a <|endoftext|>"}) {
    try {
      encoder_.word_of(nothing);
      ADD_FAILURE() << nothing;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(error.message().find(nothing), std::string::npos) << error.message();
    }
  }
}

}  // namespace
}  // namespace dq::test
