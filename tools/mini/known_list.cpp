#include "mini/known_list.h"

#include <nlohmann/json.hpp>
#include <set>

#include "pipeline/known_words.h"

namespace dq::mini {
namespace {

using Json = nlohmann::ordered_json;

Json names_of(std::string_view name, const std::vector<std::string>& synonyms) {
  Json out = Json::array({name});
  for (const std::string& s : synonyms) out.push_back(s);
  return out;
}

Json thing(const Concept& c) {
  return {{"en", names_of(c.en, c.synonyms_en)}, {"zh", names_of(c.zh, c.synonyms_zh)}, {"kind", c.subgroup}};
}

// What is left of captions when the names are taken out.
std::set<std::string> joining_words(const Composer& composer, const Json& names, int scenes) {
  const pipeline::KnownWords known(names.dump());
  std::set<std::string> out;
  for (int i = 0; i < scenes; ++i) {
    const Scene scene = composer.plan(static_cast<std::uint64_t>(i));
    for (const std::string* caption : {&scene.en, &scene.zh}) {
      for (std::string& word : known.unknown_words(*caption)) out.insert(std::move(word));
    }
  }
  return out;
}

}  // namespace

std::string known_list(const Composer& composer, int scenes) {
  Json things = Json::array(), not_taught = Json::array(), colours = Json::array(), shapes = Json::array();
  const std::set<int> taught(composer.subjects().begin(), composer.subjects().end());
  const std::vector<Concept>& concepts = composer.catalogue().concepts;
  for (const int id : composer.subjects()) things.push_back(thing(concepts[static_cast<std::size_t>(id)]));
  for (const Concept& c : concepts) {
    if (!taught.contains(c.id)) not_taught.push_back(thing(c));
  }
  for (const NamedColour& c : palette()) colours.push_back({{"en", {c.en}}, {"zh", {c.zh}}});
  for (const ShapeName& s : shape_names()) shapes.push_back({{"en", {s.en, s.plural}}, {"zh", {s.zh}}});
  Json all = {{"format", 1}, {"things", things}, {"colours", colours}, {"shapes", shapes}};
  all["words"] = joining_words(composer, all, scenes);
  all["not_taught"] = not_taught;
  return all.dump();
}

}  // namespace dq::mini
