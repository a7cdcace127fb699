// Request ↔ JSON. Every field is one row of `for_each_field`, so that reading and writing cannot drift apart.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/request.h"

namespace dq::pipeline {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

[[noreturn]] void bad(const std::string& what) {
  throw Error(ErrorCode::kBadFile, "the request stored in the picture cannot be read: " + what);
}

template <class E>
struct Name {
  E value;
  std::string_view text;
};

constexpr std::array<Name<text::Reading>, 2> kReadings{
    {{text::Reading::kComfy, "comfyui"}, {text::Reading::kA1111, "webui"}}};
constexpr std::array<Name<sampling::NoiseStream>, 2> kStreams{
    {{sampling::NoiseStream::kCpu, "cpu"}, {sampling::NoiseStream::kCuda, "cuda"}}};
constexpr std::array<Name<Precision>, 2> kPrecisions{{{Precision::kF32, "f32"}, {Precision::kBF16, "bf16"}}};
constexpr std::array<Name<models::Prediction>, 3> kPredictions{
    {{models::Prediction::kEps, "eps"}, {models::Prediction::kV, "v"}, {models::Prediction::kFlow, "flow"}}};

template <class E, std::size_t N>
std::string_view text_of(const std::array<Name<E>, N>& names, E value) {
  for (const Name<E>& name : names) {
    if (name.value == value) return name.text;
  }
  throw Error(ErrorCode::kInternal, "an enumerator without a name");
}

template <class E, std::size_t N>
E value_of(const std::array<Name<E>, N>& names, const std::string& key, const json& value) {
  if (!value.is_string()) bad(key + " is not a text");
  for (const Name<E>& name : names) {
    if (name.text == value.get_ref<const std::string&>()) return name.value;
  }
  bad(fmt::format("{} has the unknown value {}", key, printable(value.get_ref<const std::string&>())));
}

// A LoraUse.
template <class Archive, class Use>
requires std::is_same_v<std::remove_const_t<Use>, LoraUse>
void for_each_field(Archive& a, Use& use) {
  a.field("file", use.file);
  a.field("strength", use.strength);
  a.field("sha256", use.sha256);
}

// A ControlUse.
template <class Archive, class Use>
requires std::is_same_v<std::remove_const_t<Use>, ControlUse>
void for_each_field(Archive& a, Use& use) {
  a.field("file", use.file);
  a.field("image", use.image);
  a.field("strength", use.strength);
  a.field("start", use.start);
  a.field("end", use.end);
  a.field("sha256", use.sha256);
  a.field("image_sha256", use.image_sha256);
}

class Writer {
 public:
  template <class T>
  void field(const char* key, const T& value) {
    out[key] = value;
  }
  template <class E, std::size_t N>
  void choice(const char* key, const std::array<Name<E>, N>& names, const E& value) {
    out[key] = text_of(names, value);
  }
  template <class T>
  void list(const char* key, const std::vector<T>& value) {
    for (const T& item : value) {
      Writer writer;
      for_each_field(writer, item);
      out[key].push_back(std::move(writer.out));
    }
  }
  void prediction(const char* key, const std::optional<models::Prediction>& value) {
    if (value) out[key] = text_of(kPredictions, *value);
  }

  json out = json::object();
};

class Reader {
 public:
  explicit Reader(const json& in) : in_(in) {}

  void field(const char* key, std::string& value) {
    if (const json* v = find(key)) {
      if (!v->is_string()) bad(std::string(key) + " is not a text");
      value = v->get<std::string>();
    }
  }
  void field(const char* key, bool& value) {
    if (const json* v = find(key)) {
      if (!v->is_boolean()) bad(std::string(key) + " is neither true nor false");
      value = v->get<bool>();
    }
  }
  void field(const char* key, int& value) {
    if (const json* v = find(key)) {
      if (!v->is_number_integer() || *v < -1'000'000 || *v > 1'000'000)
        bad(std::string(key) + " is not a whole number in range");
      value = v->get<int>();
    }
  }
  void field(const char* key, std::uint64_t& value) {
    if (const json* v = find(key)) {
      if (!v->is_number_unsigned()) bad(std::string(key) + " is not a whole number from 0 to 2^64 − 1");
      value = v->get<std::uint64_t>();
    }
  }
  void field(const char* key, double& value) {
    if (const json* v = find(key)) {
      if (!v->is_number()) bad(std::string(key) + " is not a number");
      value = v->get<double>();
    }
  }
  template <class E, std::size_t N>
  void choice(const char* key, const std::array<Name<E>, N>& names, E& value) {
    if (const json* v = find(key)) value = value_of(names, key, *v);
  }
  template <class T>
  void list(const char* key, std::vector<T>& value) {
    const json* items = find(key);
    if (!items) return;
    if (!items->is_array() || items->size() > 1000) bad(std::string(key) + " is no list");
    for (const json& item : *items) {
      if (!item.is_object()) bad(std::string(key) + " holds something else than objects");
      Reader reader(item);
      for_each_field(reader, value.emplace_back());
    }
  }
  void prediction(const char* key, std::optional<models::Prediction>& value) {
    if (const json* v = find(key)) value = value_of(kPredictions, key, *v);
  }

 private:
  const json* find(const char* key) const {
    const auto it = in_.find(key);
    return it == in_.end() || it->is_null() ? nullptr : &*it;
  }
  const json& in_;
};

template <class Archive, class R>
requires std::is_same_v<std::remove_const_t<R>, Request>
void for_each_field(Archive& a, R& r) {
  a.field("model", r.model);
  a.field("vae", r.vae);
  a.field("text_encoder", r.text_encoder);
  a.field("model_sha256", r.model_sha256);
  a.field("vae_sha256", r.vae_sha256);
  a.list("loras", r.loras);
  a.list("controls", r.controls);
  a.field("prompt", r.prompt);
  a.field("negative_prompt", r.negative_prompt);
  a.choice("prompt_reading", kReadings, r.reading);
  a.field("normalise_mean", r.normalise_mean);
  a.field("width", r.width);
  a.field("height", r.height);
  a.field("steps", r.steps);
  a.field("guidance", r.guidance);
  a.field("sampler", r.sampler);
  a.field("scheduler", r.scheduler);
  a.field("clip_skip", r.clip_skip);
  a.prediction("prediction", r.prediction);
  a.field("zero_terminal_snr", r.zero_terminal_snr);
  a.field("seed", r.seed);
  a.field("batch", r.batch);
  a.choice("noise", kStreams, r.noise);
  a.field("noise_per_image", r.noise_per_image);
  a.field("eta", r.eta);
  a.field("init_image", r.init_image);
  a.field("init_sha256", r.init_sha256);
  a.field("mask_image", r.mask_image);
  a.field("mask_sha256", r.mask_sha256);
  a.field("denoise", r.denoise);
  a.field("mask_blur", r.mask_blur);
  a.field("hires_scale", r.hires.scale);
  a.field("hires_steps", r.hires.steps);
  a.field("hires_denoise", r.hires.denoise);
  a.field("hires_upscaler", r.hires.upscaler);
  a.choice("precision", kPrecisions, r.precision);
}

}  // namespace

std::string to_json(const Request& request) {
  Writer writer;
  writer.out["version"] = kVersion;
  for_each_field(writer, request);
  // Prompts may hold anything; bytes that are not UTF-8 are replaced rather than lost with the picture.
  return writer.out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Request request_from_json(const std::string& text) {
  const json in = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!in.is_object()) bad("it is not a JSON object");
  int version = 0;
  Reader reader(in);
  reader.field("version", version);
  if (version != kVersion) bad(fmt::format("version {} is not known to this program", version));
  Request request;
  for_each_field(reader, request);
  return request;
}

}  // namespace dq::pipeline
