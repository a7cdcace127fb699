// WebUI's grammar, against its rules restated in Python on 300 random texts.
#include <gtest/gtest.h>

#include "media/infotext.h"
#include "media/prompt_loras.h"
#include "media_goldens.h"

namespace dq::media {
namespace {

TEST(Infotext, AgreesWithTheRegularExpression) {
  int with_pairs = 0;
  const nlohmann::json rows = test::media_expected("infotext");
  for (const auto& want : rows) {
    const std::string text = want["text"].get<std::string>();
    const Infotext got = split_infotext(text);
    EXPECT_EQ(got.prompt, want["prompt"].get<std::string>()) << text;
    EXPECT_EQ(got.negative_prompt, want["negative_prompt"].get<std::string>()) << text;
    std::vector<InfotextPair> pairs;
    for (const auto& pair : want["pairs"])
      pairs.push_back({pair[0].get<std::string>(), pair[1].get<std::string>()});
    EXPECT_EQ(got.pairs, pairs) << text;
    with_pairs += pairs.empty() ? 0 : 1;
  }
  EXPECT_GT(with_pairs, 100);
}

TEST(Infotext, TwoPairsAreStillPrompt) {
  const Infotext got = split_infotext("a cat\nSteps: 20, Sampler: Euler");
  EXPECT_EQ(got.prompt, "a cat\nSteps: 20, Sampler: Euler");
  EXPECT_TRUE(got.pairs.empty());
  EXPECT_FALSE(parse_infotext("a cat\nSteps: 20, Sampler: Euler").has_value());
}

TEST(Infotext, QuotingIsWebUis) {
  EXPECT_EQ(quote_infotext("plain"), "plain");
  EXPECT_EQ(quote_infotext("a, b"), "\"a, b\"");
  EXPECT_EQ(quote_infotext("a\n\"墨\""), "\"a\\n\\\"墨\\\"\"");
  EXPECT_EQ(quote_infotext("\"x\""), "\"x\"");
  for (const std::string text :
       {"a, b", "x: y", "line\nline", "q\"uo, te", "back\\slash, 墨", "{\"a\": [1, 2]}"}) {
    EXPECT_EQ(unquote_infotext(quote_infotext(text)), text);
  }
  EXPECT_EQ(unquote_infotext("\"broken"), "\"broken");
  EXPECT_EQ(unquote_infotext("\"bad \\x\""), "\"bad \\x\"");
}

TEST(Infotext, UnquotedJsonIsOneValue) {
  const auto info = parse_infotext(
      "cat\nSteps: 1, Seed: 2, Size: 8x8, Hashes: {\"model\": \"abc\", \"lora:x\": \"d\"}, Z z: 1");
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(*info->setting("Hashes"), "{\"model\": \"abc\", \"lora:x\": \"d\"}");
  EXPECT_EQ(info->model_hash, "abc");
  EXPECT_EQ(*info->setting("Z z"), "1");
}

TEST(Infotext, HostileLinesTakeLinearTime) {
  // Each would take minutes with a backtracking search; the test's time limit is the check.
  const std::string keys(4 << 20, 'a');
  EXPECT_TRUE(infotext_pairs(keys).empty());
  std::string brackets, quotes;
  for (int i = 0; i < 200'000; ++i) brackets += "ab:[,", quotes += "ab:\"\\\",";
  EXPECT_EQ(split_infotext("x\n" + brackets).pairs.size(), 200'000u);
  EXPECT_EQ(infotext_pairs(quotes).size(), 200'000u);
}

GenerationInfo sample() {
  GenerationInfo info;
  info.prompt = "a cat, <lora:ink:0.8>\nsecond";
  info.negative_prompt = "bad: hands";
  info.steps = 20;
  info.sampler = "DPM++ 2M";
  info.scheduler = "Karras";
  info.cfg = 7;
  info.seed = 18446744073709551615u;
  info.width = 512;
  info.height = 768;
  info.model = "name, with: signs";
  info.model_hash = "6ce0161689";
  info.vae = "mse.safetensors";
  info.clip_skip = 2;
  info.denoise = 0.45;
  info.loras = {{"ink", 0.8, {}, "0123456789ab"}};
  info.rng = "CPU";
  info.ensd = 31337;
  info.version = "Danqing 0.1.0";
  info.settings = {{"Hires upscale", "2"}, {"Note", "line\nline"}};
  return info;
}

TEST(WriteInfotext, HasWebUisOrder) {
  EXPECT_EQ(write_infotext(sample()),
            "a cat, <lora:ink:0.8>\nsecond\nNegative prompt: bad: hands\nSteps: 20, Sampler: DPM++ 2M, "
            "Schedule type: Karras, "
            "CFG scale: 7, Seed: 18446744073709551615, Size: 512x768, Model hash: 6ce0161689, Model: \"name, "
            "with: signs\", "
            "VAE: mse.safetensors, Denoising strength: 0.45, Clip skip: 2, ENSD: 31337, RNG: CPU, Hires "
            "upscale: 2, "
            "Note: \"line\\nline\", Lora hashes: \"ink: 0123456789ab\", Version: Danqing 0.1.0");
}

TEST(WriteInfotext, IsReadBack) {
  const GenerationInfo want = sample();
  const auto got = parse_infotext(write_infotext(want));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->program, "Danqing");
  EXPECT_EQ(got->prompt, want.prompt);
  EXPECT_EQ(got->negative_prompt, want.negative_prompt);
  EXPECT_EQ(got->steps, want.steps);
  EXPECT_EQ(got->sampler, want.sampler);
  EXPECT_EQ(got->scheduler, want.scheduler);
  EXPECT_EQ(got->cfg, want.cfg);
  EXPECT_EQ(got->seed, want.seed);
  EXPECT_EQ(got->width, want.width);
  EXPECT_EQ(got->height, want.height);
  EXPECT_EQ(got->model, want.model);
  EXPECT_EQ(got->vae, want.vae);
  EXPECT_EQ(got->clip_skip, want.clip_skip);
  EXPECT_EQ(got->denoise, want.denoise);
  EXPECT_EQ(got->loras, want.loras);
  EXPECT_EQ(got->ensd, want.ensd);
  EXPECT_EQ(*got->setting("Note"), "line\nline");
  // Writing what was read changes nothing.
  EXPECT_EQ(write_infotext(*got), write_infotext(want));
}

TEST(PromptLoras, EveryForm) {
  const auto loras = loras_in_prompt(
      "<lora:a> <lora:b:0.5> <lora:c:0.5:0.25> <lora:d:te=0.1:unet=0.2> <lora:> <lora:x <lyco:e:-1> <foo:1>");
  ASSERT_EQ(loras.size(), 5u);
  EXPECT_EQ(loras[0], (LoraUse{"a", 1, {}, ""}));
  EXPECT_EQ(loras[1], (LoraUse{"b", 0.5, {}, ""}));
  EXPECT_EQ(loras[2], (LoraUse{"c", 0.25, 0.5, ""}));
  EXPECT_EQ(loras[3], (LoraUse{"d", 0.2, 0.1, ""}));
  EXPECT_EQ(loras[4], (LoraUse{"e", -1, {}, ""}));
}

}  // namespace
}  // namespace dq::media
