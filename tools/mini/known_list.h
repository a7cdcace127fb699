#pragma once
// What a model that learned from composed pictures knows, as its file tells it (pipeline/known_words.h).
#include <string>

#include "mini/compose.h"

namespace dq::mini {

// The composer's subjects, the colours and the shapes; the words that captions join them with, as they turn
// up in `scenes` scenes; and, as not taught, every other concept of the catalogue. JSON.
std::string known_list(const Composer& composer, int scenes = 20'000);

}  // namespace dq::mini
