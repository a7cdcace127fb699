#pragma once
// What the text tests share.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "support/golden.h"
#include "text/clip_tokenizer.h"

namespace dq::test {

// The built-in tokenizer, built once for all tests.
inline const text::ClipTokenizer& clip() {
  static const text::ClipTokenizer tokenizer = text::ClipTokenizer::built_in();
  return tokenizer;
}

inline nlohmann::json golden_json(const std::string& name) {
  std::ifstream file(golden_path(name));
  return nlohmann::json::parse(file);
}

}  // namespace dq::test
