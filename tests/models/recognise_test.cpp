// Recognition on tables of names and shapes of real-size models (tests/golden/make_recognise.py); no numbers
// are read.
#include "models/recognise.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "models/recognised/ecosystem.h"
#include "support/golden.h"
#include "support/temp_dir.h"
#include "weights/component_set.h"

namespace dq::models {
namespace {

using weights::TensorTable;

class TableSource {
 public:
  void add(std::string name, DType dtype, Shape shape) {
    files::TensorEntry entry;
    entry.name = std::move(name);
    entry.dtype = dtype;
    entry.shape = std::move(shape);
    source_->add(std::move(entry));
  }
  TensorTable table() {
    source_->finish();
    return TensorTable(source_);
  }

 private:
  std::shared_ptr<files::WeightSource> source_ =
      std::make_shared<files::WeightSource>("table", files::Format::kSafetensors);
};

struct Kind {
  std::string name, ecosystem, role, variant;
  std::uint64_t parameters = 0;  // 0: not stated
  TensorTable table;
};

// "{0-2,5}" → 0 1 2 5
std::vector<std::string> expand_range(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t dash = part.find('-');
    const int first = std::stoi(part),
              last = dash == std::string::npos ? first : std::stoi(part.substr(dash + 1));
    for (int i = first; i <= last; ++i) out.push_back(std::to_string(i));
  }
  return out;
}

// Every combination of the ranges in a name.
std::vector<std::string> expand(const std::string& name) {
  const std::size_t open = name.find('{'), close = name.find('}', open);
  if (open == std::string::npos) return {name};
  std::vector<std::string> out;
  for (const std::string& tail : expand(name.substr(close + 1))) {
    for (const std::string& n : expand_range(name.substr(open + 1, close - open - 1))) {
      out.push_back(name.substr(0, open) + n + tail);
    }
  }
  return out;
}

DType dtype_of(const std::string& name) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kI64}) {
    if (to_string(dtype) == name) return dtype;
  }
  throw std::runtime_error("kinds.txt: " + name);
}

std::vector<Kind> read_kinds() {
  std::ifstream file(test::golden_path("recognise/kinds.txt"));
  std::vector<Kind> kinds;
  TableSource source;
  const auto close = [&] {
    if (!kinds.empty()) kinds.back().table = source.table();
    source = {};
  };
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first, shape_text, name;
    words >> first;
    if (first == "@") {
      close();
      std::string parameters;
      Kind& kind = kinds.emplace_back();
      words >> kind.name >> kind.ecosystem >> kind.role >> parameters >> std::ws;
      std::getline(words, kind.variant);
      if (parameters != "-") kind.parameters = std::stoull(parameters);
      continue;
    }
    words >> shape_text >> name;
    Shape shape;
    std::istringstream dims(shape_text == "-" ? "" : shape_text);
    for (std::string dim; std::getline(dims, dim, ',');) shape.push_back(std::stoll(dim));
    for (const std::string& one : expand(name)) source.add(one, dtype_of(first), shape);
  }
  close();
  return kinds;
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = read_kinds();
  return all;
}

TensorTable one_table(std::vector<std::pair<std::string, Shape>> tensors) {
  TableSource source;
  for (auto& [name, shape] : tensors) source.add(name, DType::kF16, shape);
  return source.table();
}

TEST(Recognise, EveryKindIsExactlyItself) {
  ASSERT_GT(kinds().size(), 120u);
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    const Recognition found = recognise(kind.table, {});
    EXPECT_EQ(found.ecosystem, kind.ecosystem);
    EXPECT_EQ(to_string(found.role), kind.role);
    EXPECT_EQ(found.variant, kind.variant);
    EXPECT_FALSE(found.evidence.empty());
    if (kind.parameters > 0) {
      EXPECT_EQ(found.parameters, kind.parameters);
    }
  }
}

// A row that also matches another ecosystem's file only works by its place in the list; whichever order the
// list has, no denoiser may answer to two ecosystems.
TEST(Recognise, NoDenoiserAnswersToTwoEcosystems) {
  std::size_t asked = 0;
  for (const Kind& kind : kinds()) {
    if (kind.role != "denoiser" || kind.name.find("sd") == 0 || kind.name == "kolors" || kind.name == "svd")
      continue;
    for (const std::string_view prefix : {"", "model.diffusion_model.", "net."}) {
      const recognised::Names names = recognised::Names(kind.table).under(prefix);
      if (names.empty()) continue;
      for (const recognised::Ecosystem* ecosystem : recognised::ecosystems()) {
        for (const recognised::Signature& row : ecosystem->denoisers) {
          ++asked;
          if (!recognised::holds(names, row.needs)) continue;
          EXPECT_EQ(ecosystem->id, kind.ecosystem) << kind.name << ": " << row.needs;
        }
      }
    }
  }
  EXPECT_GT(asked, 1000u);
}

TEST(Recognise, EveryRowIsWellFormedAndNamesKnownEcosystems) {
  const recognised::Names nothing;
  std::set<std::string_view> ids;
  for (const recognised::Ecosystem* ecosystem : recognised::ecosystems()) {
    EXPECT_TRUE(ids.insert(ecosystem->id).second) << ecosystem->id;
    for (const auto rows : {ecosystem->denoisers, ecosystem->add_ons, ecosystem->adapters}) {
      for (const recognised::Signature& row : rows)
        EXPECT_FALSE(recognised::holds(nothing, row.needs)) << row.needs;
    }
    for (const recognised::Mark& mark : ecosystem->marks)
      EXPECT_FALSE(recognised::holds(nothing, mark.needs));
    for (const std::string_view id : ecosystem->relatives)
      EXPECT_NE(recognised::find_ecosystem(id), nullptr) << id;
  }
  for (const auto kinds : {recognised::shared_vaes(), recognised::shared_text_encoders(),
                           recognised::shared_image_encoders(), recognised::picture_tools()}) {
    for (const recognised::SharedKind& kind : kinds) {
      EXPECT_FALSE(recognised::holds(nothing, kind.needs)) << kind.needs;
      std::istringstream words{std::string(kind.serves)};
      for (std::string id; words >> id;) EXPECT_NE(recognised::find_ecosystem(id), nullptr) << id;
    }
  }
}

const Kind& kind_named(std::string_view name) {
  for (const Kind& kind : kinds()) {
    if (kind.name == name) return kind;
  }
  throw std::runtime_error("no such kind: " + std::string(name));
}

TEST(Recognise, TakesACheckpointApart) {
  const Recognition found = recognise(kind_named("sd1-checkpoint-ema").table, {});
  ASSERT_EQ(found.parts.size(), 4u);
  EXPECT_EQ(found.parts[0].kind, "denoiser");
  EXPECT_EQ(found.parts[0].parameters, 859'520'964u);
  EXPECT_EQ(found.parts[1].kind, "VAE");
  EXPECT_EQ(found.parts[1].parameters, 83'653'863u);
  EXPECT_EQ(found.parts[2].kind, "text encoder");
  EXPECT_EQ(found.parts[2].title, "CLIP-L text encoder");
  EXPECT_EQ(found.parts[2].parameters, 123'060'480u);
  EXPECT_EQ(found.parts[3].kind, "EMA copy");
  EXPECT_EQ(found.parts[3].tensors, 686u);
  EXPECT_EQ(found.layout, "original");
  EXPECT_TRUE(found.supported);
  EXPECT_EQ(recognise(kind_named("sd1-folder").table, {}).layout, "diffusers folder");
  EXPECT_EQ(recognise(kind_named("sd1-unet-diffusers").table, {}).layout, "diffusers, bare");
  const Recognition xl = recognise(kind_named("sdxl-checkpoint").table, {});
  EXPECT_EQ(xl.parts.size(), 4u);
  EXPECT_EQ(xl.parts[0].parameters, 2'567'463'684u);
  EXPECT_EQ(xl.parts[3].title, "CLIP bigG text encoder");
  EXPECT_EQ(xl.parts[3].parameters, 694'659'840u);
  EXPECT_FALSE(xl.supported);
  EXPECT_EQ(xl.support_note, "Stable Diffusion XL (checkpoint) is not supported yet");
}

// What `danqing paint` takes beside a model, told before anybody tries.
TEST(Recognise, SaysWhichAddOnsCanBeUsed) {
  const auto supported = [](const char* kind) { return recognise(kind_named(kind).table, {}).supported; };
  for (const char* kind :
       {"lora-sd1-kohya", "loha-sd1", "lokr-sd1", "oft-sd1", "locon-sd1", "dora-sd1", "lora-sd1-peft",
        "lora-sd1-text-only", "sd1-controlnet", "sd1-controlnet-original"})
    EXPECT_TRUE(supported(kind)) << kind;
  for (const char* kind : {"diff-sd1", "sd1-t2i-adapter", "sd1-ip-adapter", "hypernetwork", "animatediff-v3"})
    EXPECT_FALSE(supported(kind)) << kind;
}

TEST(Recognise, PredictionTypes) {
  const auto prediction = [](std::string_view kind, std::map<std::string, std::string> metadata = {}) {
    const Recognition found = recognise(kind_named(kind).table, metadata);
    return found.prediction + (found.prediction_certain ? "!" : "?");
  };
  EXPECT_EQ(prediction("sd1-checkpoint"), "eps?");
  EXPECT_EQ(prediction("sd1-checkpoint", {{"modelspec.prediction_type", "v"}}), "v!");
  EXPECT_EQ(prediction("sdxl-checkpoint"), "eps?");
  EXPECT_EQ(prediction("sdxl-v-prediction"), "v!");
  EXPECT_EQ(prediction("sdxl-playground"), "edm!");
  EXPECT_EQ(prediction("sdxl-cosxl"), "v!");
  EXPECT_EQ(prediction("sd2-checkpoint"), "unknown?");  // its one telling tensor has no numbers here
  EXPECT_EQ(prediction("sd2-inpainting"), "eps!");
  EXPECT_EQ(prediction("flux1-dev-original"), "flow!");
}

// A U-Net of 2.x with just the tensors that decide; the telling bias spreads by `spread` around zero.
std::string second_family_file(float spread) {
  const std::vector<std::pair<std::string, Shape>> tensors{
      {"input_blocks.0.0.weight", {32, 4, 3, 3}},
      {"input_blocks.1.1.proj_in.weight", {32, 32}},
      {"out.2.weight", {4, 32, 3, 3}},
      {"output_blocks.11.1.transformer_blocks.0.norm1.bias", {32}}};
  std::string header = "{", data;
  for (const auto& [name, shape] : tensors) {
    const std::size_t begin = data.size();
    for (std::int64_t i = 0; i < element_count(shape); ++i) {
      const float value = i % 2 ? spread : -spread;
      data.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    std::string dims;
    for (const std::int64_t dim : shape) dims += (dims.empty() ? "" : ",") + std::to_string(dim);
    header += (begin ? ",\"" : "\"") + name + R"(":{"dtype":"F32","shape":[)" + dims +
              R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  header += "}";
  std::string size;
  for (std::size_t i = 0; i < 8; ++i) size += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return size + header + data;
}

TEST(Recognise, TheSecondFamilysPredictionIsMeasured) {
  const test::TempDir folder;
  for (const auto& [spread, prediction] : {std::pair{0.05f, "eps"}, std::pair{0.2f, "v"}}) {
    const auto path = folder.write(prediction, second_family_file(spread));
    const Recognition found = recognise(weights::open_table(path), {});
    EXPECT_EQ(found.ecosystem, "sd2");
    EXPECT_EQ(found.prediction, prediction);
    EXPECT_TRUE(found.prediction_certain);
  }
}

TEST(Recognise, AdaptersTellTheirAlgorithmAndRank) {
  const auto adapter = [](std::string_view kind) {
    return recognise(kind_named(kind).table, {}).adapter.value();
  };
  EXPECT_EQ(adapter("lora-sd1-kohya").algorithm, "LoRA");
  EXPECT_EQ(adapter("lora-sd1-kohya").naming, "kohya");
  EXPECT_EQ(adapter("lora-sd1-kohya").rank_max, 16);
  EXPECT_EQ(adapter("lora-sd1-kohya").text_modules, 72u);
  EXPECT_EQ(adapter("lora-sd1-kohya").denoiser_modules, 192u);
  EXPECT_EQ(adapter("lora-sdxl-kohya").denoiser_modules, 722u);
  EXPECT_EQ(adapter("lora-sdxl-kohya").text_modules, 264u);
  EXPECT_EQ(adapter("locon-sd1").algorithm, "LoCon");
  EXPECT_EQ(adapter("loha-sd1").algorithm, "LoHa");
  EXPECT_EQ(adapter("lokr-sd1").algorithm, "LoKr");
  EXPECT_EQ(adapter("oft-sd1").algorithm, "OFT");
  EXPECT_EQ(adapter("diff-sd1").algorithm, "full difference");
  EXPECT_FALSE(adapter("lora-sd1-kohya").dora);
  EXPECT_TRUE(adapter("dora-sd1").dora);
  EXPECT_EQ(adapter("lora-flux1-diffusers").naming, "diffusers");
}

TEST(Recognise, AdviceNamesRelativesAndReasons) {
  const Recognition found = recognise(kind_named("lora-sdxl-kohya").table, {});
  ASSERT_EQ(found.fits.size(), 1u);
  EXPECT_EQ(found.fits[0], "models of Stable Diffusion XL");
  ASSERT_FALSE(found.does_not_fit.empty());
  EXPECT_NE(found.does_not_fit[0].find("768 numbers a text token"), std::string::npos);
  const Recognition vae = recognise(kind_named("sd-vae-original").table, {});
  EXPECT_TRUE(vae.supported);
  EXPECT_GE(vae.fits.size(), 3u);
  EXPECT_NE(vae.note.find("another scale"), std::string::npos);
}

TEST(Recognise, TrainingFactsFromMetadata) {
  const Recognition found =
      recognise(kind_named("lora-sd1-kohya").table,
                {{"ss_base_model_version", "sd_v1"},
                 {"ss_steps", "1200"},
                 {"ss_seed", "None"},
                 {"modelspec.title", "My cat"},
                 {"modelspec.trigger_phrase", "mycat"},
                 {"ss_tag_frequency", R"({"10_cat":{"cat":5,"1girl":9},"5_dog":{"cat":7}})"}});
  ASSERT_TRUE(found.training);
  EXPECT_EQ(found.training->base_model, "sd_v1");
  EXPECT_EQ(found.training->title, "My cat");
  EXPECT_EQ(found.training->trigger_words, std::vector<std::string>{"mycat"});
  ASSERT_EQ(found.training->tags.size(), 2u);
  EXPECT_EQ(found.training->tags[0], (std::pair<std::string, std::uint64_t>{"cat", 12}));
  EXPECT_EQ(found.training->facts.at("steps"), "1200");
  EXPECT_FALSE(found.training->facts.contains("seed"));
  EXPECT_TRUE(recognise(kind_named("lora-sd1-kohya").table, {{"ss_tag_frequency", "{broken"}}).training ==
              std::nullopt);
}

TEST(Recognise, UnknownFilesGetAUsefulSentence) {
  const Recognition found = recognise(one_table({{"alpha.x", {3}}, {"alpha.y", {3}}, {"beta.z", {4, 4}}}),
                                      {{"modelspec.architecture", "future-model-9"}});
  EXPECT_EQ(found.role, Role::kUnknown);
  EXPECT_EQ(found.ecosystem, "");
  EXPECT_EQ(found.parameters, 22u);
  EXPECT_NE(found.note.find("alpha (2), beta (1)"), std::string::npos) << found.note;
  EXPECT_NE(found.note.find("future-model-9"), std::string::npos);
  EXPECT_FALSE(found.supported);
  const Recognition nothing = recognise(TensorTable(), {});
  EXPECT_EQ(nothing.role, Role::kUnknown);
  EXPECT_EQ(nothing.note, "The file holds no tensors");
}

// Every name of a real file, with ranks and sizes that no real file has.
TEST(Recognise, SurvivesHostileShapes) {
  const std::int64_t huge = std::int64_t{1} << 62;
  for (const Shape& shape : std::vector<Shape>{{}, {0}, {1, 1, 1, 1, 1, 1, 1, 1}, {huge, huge}, {-1, 3}}) {
    for (const char* name : {"sd1-checkpoint", "sdxl-checkpoint", "flux1-checkpoint", "lora-sd1-kohya",
                             "lokr-sd1", "loha-sd1", "oft-sd1", "embedding-sdxl", "sd1-controlnet"}) {
      TableSource source;
      for (const auto& [key, entry] : kind_named(name).table.entries()) source.add(key, entry.dtype, shape);
      EXPECT_NO_THROW(recognise(source.table(), {})) << name << ' ' << dq::to_string(shape);
    }
  }
}

TEST(Recognise, TheNarrowModelOfTheGoldensIsOfTheFirstFamily) {
  const Recognition found = recognise(weights::open_table(test::golden_path("models/tiny")), {});
  EXPECT_EQ(found.ecosystem, "sd1");
  EXPECT_EQ(found.role, Role::kCheckpoint);
  EXPECT_EQ(found.variant, "");
  EXPECT_EQ(found.layout, "diffusers folder");
  EXPECT_TRUE(found.supported);
  ASSERT_EQ(found.parts.size(), 3u);
  EXPECT_EQ(found.parts[0].kind, "denoiser");
}

}  // namespace
}  // namespace dq::models
