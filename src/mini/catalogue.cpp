#include "mini/catalogue.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "media/codec.h"
#include "mini/draws.h"

namespace dq::mini {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr const char* kOrdered = "of training";
constexpr std::uint64_t kOrderSeed = 64;
constexpr std::size_t kMaxConcepts = 1 << 14;
constexpr std::array<std::string_view, 32> kWellKnown = {
    "red apple", "dog",     "cat",     "automobile", "house",    "sun",      "rose",        "banana",
    "red heart", "rocket",  "fish",    "pizza",      "airplane", "umbrella", "soccer ball", "hamburger",
    "bicycle",   "octopus", "snowman", "guitar",     "key",      "star",     "strawberry",  "penguin",
    "butterfly", "balloon", "cactus",  "lion",       "frog",     "sailboat", "mushroom",    "bread"};

Json to_json(const Concept& c) {
  return {{"id", c.id},
          {"characters", c.characters},
          {"en", c.en},
          {"zh", c.zh},
          {"keywords_en", c.keywords_en},
          {"keywords_zh", c.keywords_zh},
          {"synonyms_en", c.synonyms_en},
          {"synonyms_zh", c.synonyms_zh},
          {"group", c.group},
          {"subgroup", c.subgroup},
          {"core", c.core},
          {"split", c.held_out ? "held-out" : "train"}};
}

Concept concept_of(const Json& j) {
  Concept c;
  j.at("id").get_to(c.id);
  j.at("characters").get_to(c.characters);
  j.at("en").get_to(c.en);
  j.at("zh").get_to(c.zh);
  j.at("keywords_en").get_to(c.keywords_en);
  j.at("keywords_zh").get_to(c.keywords_zh);
  j.at("synonyms_en").get_to(c.synonyms_en);
  j.at("synonyms_zh").get_to(c.synonyms_zh);
  j.at("group").get_to(c.group);
  j.at("subgroup").get_to(c.subgroup);
  j.at("core").get_to(c.core);
  c.held_out = j.at("split") == "held-out";
  return c;
}

std::vector<int> order_as_it_stands(const Catalogue& catalogue) {
  std::vector<int> order;
  for (const Concept& c : catalogue.concepts) {
    if (!c.held_out) order.push_back(c.id);
  }
  return order;
}

std::vector<int> drawn_order(const Catalogue& catalogue) {
  std::vector<int> order;
  for (const std::string_view name : kWellKnown) {
    const Concept* c = catalogue.find(name);
    if (c && !c->held_out) order.push_back(c->id);
  }
  for (const bool core : {true, false}) {
    std::vector<int> more;
    for (const Concept& c : catalogue.concepts) {
      const bool is_taken = std::find(order.begin(), order.end(), c.id) != order.end();
      if (c.core == core && !c.held_out && !is_taken) more.push_back(c.id);
    }
    Draws(kOrderSeed, core).shuffle(std::span(more));
    order.insert(order.end(), more.begin(), more.end());
  }
  return order;
}

}  // namespace

const Concept* Catalogue::find(std::string_view en) const {
  const auto found =
      std::find_if(concepts.begin(), concepts.end(), [&](const Concept& c) { return c.en == en; });
  return found == concepts.end() ? nullptr : &*found;
}

std::vector<int> choose_concepts(const Catalogue& catalogue, int n) {
  std::vector<int> order = catalogue.is_ordered ? order_as_it_stands(catalogue) : drawn_order(catalogue);
  order.resize(std::min(order.size(), static_cast<std::size_t>(std::max(n, 0))));
  return order;
}

void write_catalogue(const std::filesystem::path& folder, const Catalogue& catalogue,
                     const media::Image& atlas) {
  Json concepts = Json::array(), left_out = Json::array();
  for (const Concept& c : catalogue.concepts) concepts.push_back(to_json(c));
  for (const LeftOut& l : catalogue.left_out) {
    left_out.push_back({{"characters", l.characters}, {"en", l.en}, {"reason", l.reason}});
  }
  Json file = {{"format", kFormat}, {"cell", kCell}, {"alpha", "straight"}, {"columns", kAtlasColumns}};
  if (catalogue.is_ordered) file["order"] = kOrdered;
  file["concepts"] = concepts;
  file["left_out"] = left_out;
  const std::string text = file.dump(1) + "\n";
  media::write_image(folder / "atlas.png", atlas);
  write_file_atomically(folder / "catalogue.json", std::as_bytes(std::span(text)));
}

Catalogue read_catalogue(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "catalogue.json";
  const auto file = MappedFile::open(path);
  const Bytes bytes = file->bytes();
  try {
    const Json json = Json::parse(reinterpret_cast<const char*>(bytes.data()),
                                  reinterpret_cast<const char*>(bytes.data()) + bytes.size());
    if (json.at("format") != kFormat || json.at("cell") != kCell || json.at("columns") != kAtlasColumns) {
      throw Error(ErrorCode::kBadFile, "this catalogue is of another version")
          .in(path.string())
          .hint("Make it again with mini_catalogue.");
    }
    Catalogue out;
    out.is_ordered = json.value("order", "") == kOrdered;
    for (const Json& j : json.at("concepts")) {
      out.concepts.push_back(concept_of(j));
      if (out.concepts.back().id + 1 != static_cast<int>(out.concepts.size()) ||
          out.concepts.size() > kMaxConcepts) {
        throw Error(ErrorCode::kBadFile, "the concepts are not numbered 0, 1, 2, …").in(path.string());
      }
    }
    for (const Json& j : json.at("left_out")) {
      out.left_out.push_back({j.at("characters"), j.at("en"), j.at("reason")});
    }
    return out;
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorCode::kBadFile, std::string("this is not a catalogue: ") + e.what()).in(path.string());
  }
}

media::Image read_atlas(const std::filesystem::path& folder) {
  return media::read_image(folder / "atlas.png");
}

}  // namespace dq::mini
