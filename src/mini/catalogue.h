#pragma once
// What the built-in model may learn: one concept for each usable picture of the emoji font.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "media/image.h"

namespace dq::mini {

inline constexpr int kCell = 128;         // pixels, both ways
inline constexpr int kAtlasColumns = 40;  // cell of concept i: column i % 40, row i / 40
inline constexpr int kHeldOut = 40;

struct Concept {
  int id = 0;                                         // its place in Catalogue::concepts and in the atlas
  std::string characters;                             // UTF-8
  std::string en, zh;                                 // "red apple", "红苹果"
  std::vector<std::string> keywords_en, keywords_zh;  // CLDR's: looser than a name ("fruit")
  std::vector<std::string> synonyms_en, synonyms_zh;  // those that mean this concept alone ("car")
  std::string group, subgroup;                        // CLDR's labels: "Food & Drink", "food-fruit"
  bool core = false;      // a thing with a short name, fit for small training runs and for subjects
  bool held_out = false;  // never composed for training: a subject for adapter tests
};

struct LeftOut {
  std::string characters, en, reason;
};

struct Catalogue {
  std::vector<Concept> concepts;
  std::vector<LeftOut> left_out;
  bool is_ordered = false;  // the concepts stand in the order of training: part of a larger catalogue

  const Concept* find(std::string_view en) const;
};

// The ids of n concepts to train on, not held out: well-known things first, then core concepts, then the
// others, each in an order drawn once; of an ordered catalogue, as they stand. The first 64 of 256 are
// the 64. Fewer when there are not as many.
std::vector<int> choose_concepts(const Catalogue& catalogue, int n);

// catalogue.json and atlas.png in a folder. The atlas keeps straight alpha, as PNG prescribes; pixels with
// alpha 0 are black. read_* throw kBadFile, kNotFound.
void write_catalogue(const std::filesystem::path& folder, const Catalogue& catalogue,
                     const media::Image& atlas);
Catalogue read_catalogue(const std::filesystem::path& folder);
media::Image read_atlas(const std::filesystem::path& folder);

}  // namespace dq::mini
