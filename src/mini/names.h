#pragma once
// Names that people would write, from CLDR's names for screen readers.
#include <string>
#include <string_view>
#include <vector>

#include "mini/catalogue.h"

namespace dq::mini {

// "flag: Italy" → "flag of Italy"; "旗: 意大利" → "意大利国旗", "旗: 欧盟" → "欧盟旗"; others stay.
std::string plain_name_en(const std::string& cldr);
std::string plain_name_zh(const std::string& cldr);

// "cat" → "a cat", "apple" → "an apple", "grapes" → "grapes", "flag of Italy" → "the flag of Italy".
std::string with_article(const std::string& name);

// "a cat", "orange" → "a cat on an orange background".
std::string on_background(const std::string& thing, std::string_view colour);

// Fills synonyms_* of the core concepts: keywords that name the same thing, and well-known other names. A
// word names one concept only.
void choose_synonyms(std::vector<Concept>& concepts);

}  // namespace dq::mini
