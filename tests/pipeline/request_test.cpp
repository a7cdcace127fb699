#include "pipeline/request.h"

#include <gtest/gtest.h>

namespace dq::test {
namespace {

using pipeline::Request;

Request unusual_request() {
  Request r;
  r.model = "/models/猫.safetensors";
  r.vae = "vae.pt";
  r.text_encoder = "clip.safetensors";
  r.model_sha256 = std::string(64, 'a');
  r.vae_sha256 = std::string(64, 'b');
  r.loras = {{"a.safetensors", 0.5, "12"}, {"b.safetensors", -1, ""}};
  r.controls = {{"canny.pth", "edges.png", 0.75, 0.25, 0.5, "34", "56"},
                {"depth.pth", "d.png", 1, 0, 1, "", ""}};
  r.prompt = "a \"cat\"\n(smiling:1.2), \\(round\\) 🐱";
  r.negative_prompt = "blurry";
  r.reading = text::Reading::kA1111;
  r.normalise_mean = false;
  r.width = 640;
  r.height = 384;
  r.steps = 33;
  r.guidance = 5.5;
  r.sampler = "dpmpp_2m";
  r.scheduler = "karras";
  r.clip_skip = 2;
  r.prediction = models::Prediction::kV;
  r.zero_terminal_snr = true;
  r.seed = 0xffff'ffff'ffff'fffeull;
  r.batch = 3;
  r.noise = sampling::NoiseStream::kCuda;
  r.noise_per_image = true;
  r.eta = 0.25;
  r.init_image = "in.png";
  r.init_sha256 = std::string(64, 'c');
  r.mask_image = "mask.png";
  r.mask_sha256 = std::string(64, 'd');
  r.denoise = 0.625;
  r.mask_blur = 9;
  r.hires = {.scale = 1.5, .steps = 12, .denoise = 0.5, .upscaler = "lanczos"};
  r.precision = Precision::kBF16;
  return r;
}

TEST(RequestJson, EveryFieldSurvives) {
  const Request r = unusual_request();
  const std::string text = to_json(r);
  // Written again from what was read: the same text means that no field was lost.
  EXPECT_EQ(to_json(pipeline::request_from_json(text)), text);
  EXPECT_EQ(pipeline::request_from_json(text).loras, r.loras);
  EXPECT_EQ(pipeline::request_from_json(text).controls, r.controls);
  // And no field has its default here, so none could be lost unseen.
  const std::string plain = to_json(Request{});
  EXPECT_EQ(plain.find("prediction"), std::string::npos);
  for (const char* key :
       {"seed", "batch", "eta", "denoise", "hires_scale", "noise_per_image", "precision", "clip_skip"}) {
    const std::string at = std::string("\"") + key + "\":";
    const auto value = [&at](const std::string& json) {
      const std::size_t begin = json.find(at) + at.size();
      return json.substr(begin, json.find_first_of(",}", begin) - begin);
    };
    EXPECT_NE(value(text), value(plain)) << key;
  }
}

TEST(RequestJson, SeedsKeepAll64Bits) {
  Request r;
  r.seed = 18446744073709551615ull;
  EXPECT_EQ(pipeline::request_from_json(to_json(r)).seed, r.seed);
}

TEST(RequestJson, BrokenTextsAreErrorsThatSayWhat) {
  const std::vector<std::pair<std::string, std::string>> broken{
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {"{\"version\":2}", "version 2"},
      {"{}", "version 0"},
      {"{\"version\":1,\"seed\":-1}", "seed"},
      {"{\"version\":1,\"seed\":1.5}", "seed"},
      {"{\"version\":1,\"steps\":\"20\"}", "steps"},
      {"{\"version\":1,\"steps\":1e99}", "steps"},
      {"{\"version\":1,\"prompt\":5}", "prompt"},
      {"{\"version\":1,\"noise\":\"dice\"}", "dice"},
      {"{\"version\":1,\"precision\":7}", "precision"},
      {"{\"version\":1,\"noise_per_image\":1}", "noise_per_image"},
  };
  for (const auto& [text, part] : broken) {
    try {
      pipeline::request_from_json(text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadFile);
      EXPECT_NE(error.message().find(part), std::string::npos) << error.what();
    }
  }
}

TEST(RequestJson, UnknownFieldsAndNullsAreIgnored) {
  const Request r = pipeline::request_from_json(R"({"version":1,"steps":7,"later":{"x":1},"sampler":null})");
  EXPECT_EQ(r.steps, 7);
  EXPECT_EQ(r.sampler, "");
}

class Resolve : public testing::Test {
 protected:
  const models::Family& family_ = *models::families()[0];
  Request ok(Request r) const { return pipeline::resolve(std::move(r), family_, {}); }
  void bad(const Request& r, const std::string& part) const {
    try {
      ok(r);
      ADD_FAILURE() << "accepted: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
};

TEST_F(Resolve, FillsTheFamilysDefaults) {
  const models::Defaults d = family_.defaults({});
  const Request r = ok({});
  EXPECT_EQ(r.width, d.width);
  EXPECT_EQ(r.height, d.height);
  EXPECT_EQ(r.steps, d.steps);
  EXPECT_EQ(r.guidance, d.guidance);
  EXPECT_EQ(r.sampler, d.sampler);
  EXPECT_EQ(r.scheduler, d.scheduler);
  EXPECT_EQ(r.clip_skip, 1);
}

TEST_F(Resolve, RoundsSizesUpToWholeCells) {
  Request r;
  r.width = 513;
  r.height = 9;
  r = ok(r);
  EXPECT_EQ(r.width, 520);
  EXPECT_EQ(r.height, 16);
}

TEST_F(Resolve, TakesWebuisLabelsAndOldJoinedNames) {
  Request r;
  r.sampler = "DPM++ 2M Karras";
  r = ok(r);
  EXPECT_EQ(r.sampler, "dpmpp_2m");
  EXPECT_EQ(r.scheduler, "karras");
  Request explicit_one;
  explicit_one.sampler = "DPM++ 2M Karras";
  explicit_one.scheduler = "Exponential";
  EXPECT_EQ(ok(explicit_one).scheduler, "exponential");
}

TEST_F(Resolve, NamesNearMisses) {
  Request r;
  r.sampler = "dpmp_2m";
  bad(r, "dpmpp_2m");
  Request s;
  s.scheduler = "karas";
  bad(s, "karras");
}

TEST_F(Resolve, RefusesWhatIsOutOfRange) {
  Request r;
  r.width = 100'000;
  bad(r, "width");
  r = {};
  r.height = -8;
  bad(r, "height");
  r = {};
  r.steps = -1;
  bad(r, "--steps");
  r = {};
  r.denoise = 1.5;
  r.init_image = "x.png";
  bad(r, "--denoise");
  r = {};
  r.denoise = 0.5;
  bad(r, "--init");
  r = {};
  r.mask_image = "m.png";
  bad(r, "--init");
  r = {};
  r.batch = 0;
  bad(r, "--batch");
  r = {};
  r.clip_skip = 99;
  bad(r, "--clip-skip");
  r = {};
  r.guidance = std::numeric_limits<double>::quiet_NaN();
  bad(r, "--cfg");
  r = {};
  r.hires.scale = 20;
  bad(r, "--hires");
  r = {};
  r.hires = {.scale = 2, .steps = 0, .denoise = 0.5, .upscaler = "magic"};
  bad(r, "magic");
}

}  // namespace
}  // namespace dq::test
