// Windows of prompts against a second statement of both readings (tests/golden/make_text_prompts.py).
#include "text/prompt.h"

#include <cmath>

#include "text_support.h"

namespace dq::text {
namespace {

using test::clip;

// One slot as the golden writes it: [token, weight] or [0, weight, word, vector].
nlohmann::json written(const Slot& slot, const std::vector<std::string>& words) {
  nlohmann::json out = {slot.token, slot.weight};
  if (slot.word >= 0) {
    out.push_back(words.at(static_cast<std::size_t>(slot.word)));
    out.push_back(slot.vector);
  }
  return out;
}

bool same(const nlohmann::json& a, const nlohmann::json& b) {
  if (a.size() != b.size() || a[0] != b[0]) return false;
  const double wa = a[1], wb = b[1];
  if (std::abs(wa - wb) > 1e-6 * std::max(1.0, std::abs(wb))) return false;  // f32 against f64
  return a.size() == 2 || (a[2] == b[2] && a[3] == b[3]);
}

struct Case {
  std::string reading, prompt;
  int pad;
  nlohmann::json windows;
  int tokens;
};

void compare(const Case& c, const ParsedPrompt& parsed) {
  SCOPED_TRACE(c.reading + ": " + c.prompt);
  ASSERT_EQ(parsed.windows.size(), c.windows.size());
  bool weighted = false;
  for (std::size_t w = 0; w < c.windows.size(); ++w) {
    const nlohmann::json& expected = c.windows[w];
    for (std::size_t i = 0; i < kWindowTokens; ++i) {
      const nlohmann::json slot = written(parsed.windows[w].slots[i], parsed.words);
      const nlohmann::json want = i < expected.size() ? expected[i] : nlohmann::json{c.pad, 1.0};
      ASSERT_TRUE(same(slot, want)) << "window " << w << " slot " << i << ": " << slot << " is not " << want;
      weighted |= want[1] != 1.0;
    }
  }
  EXPECT_EQ(parsed.any_weight, weighted);
  EXPECT_EQ(parsed.token_count, c.tokens);
}

TEST(PromptGolden, BothReadings) {
  const nlohmann::json golden = test::golden_json("text/prompts.json");
  std::map<std::string, int, std::less<>> words;
  std::vector<std::string> names;
  for (const auto& row : golden["words"]) {
    words[row[0]] = row[1];
    names.push_back(row[0]);
  }
  const VectorsOf vectors_of = [&](std::string_view name) -> std::optional<int> {
    const auto found = words.find(name);
    return found == words.end() ? std::nullopt : std::optional(found->second);
  };
  ASSERT_GE(golden["prompts"].size(), 300u);
  for (const auto& row : golden["prompts"]) {
    const Case c{row[0], row[1], row[2], row[3], row[4]};
    const PromptOptions options{c.reading == "comfy" ? Reading::kComfy : Reading::kA1111};
    compare(c, parse_prompt(c.prompt, clip(), options, vectors_of, c.pad, names));
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace dq::text
