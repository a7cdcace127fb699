#pragma once
// What the tools' --mixture names.
#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "mini/compose.h"

namespace dq::mini {

inline void add_mixture(CLI::App& app, Mixture& mixture) {
  static const std::map<std::string, Mixture> kNamed = {
      {"things", Mixture{}}, {"relations", kRelations}, {"pairs", kMostlyPairs}};
  app.add_option_function<std::string>(
         "--mixture", [&mixture](const std::string& name) { mixture = kNamed.at(name); },
         "things, relations (more shapes and pairs, for a model that knows the things) or pairs (of shapes, "
         "mostly)")
      ->check(CLI::IsMember(kNamed));
}

}  // namespace dq::mini
