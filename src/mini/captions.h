#pragma once
// Captions in English and Chinese, by templates, from what a scene shows.
#include <string>

#include "mini/catalogue.h"
#include "mini/draws.h"
#include "mini/scene.h"

namespace dq::mini {

enum class Language : std::uint8_t { kEnglish, kChinese };

// Stands between the parts of a caption that vary, so that a tokenizer can be trained on the parts.
inline constexpr char kPartMark = '\x1f';
std::string without_marks(const std::string& caption);

// A sentence with part marks. `says_background` comes back false when it does not name the background.
std::string sentence(const Scene& scene, const Catalogue& catalogue, Language language, Draws& draws,
                     bool& says_background);

// Words and commas: "cat, pet, blue background". With part marks.
std::string tags(const Scene& scene, const Catalogue& catalogue, Language language, Draws& draws);

// Whether it tells which of two things lies where: "a cat and a dog" does not, nor do tags.
bool says_relation(const std::string& caption);
// Whether a caption of the scene tells which of two shapes of two colours lies where.
bool says_pair(const Scene& scene, const std::string& caption);

// Fills en, zh and caption: 10 % empty, 20 % tags, the rest sentences; 30 % of what is written is Chinese.
void write_captions(Scene& scene, const Catalogue& catalogue, Draws& draws, bool with_marks = false);

}  // namespace dq::mini
