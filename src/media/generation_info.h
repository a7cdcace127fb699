#pragma once
// What made a picture, as far as the texts in its file tell: one struct for every program's grammar.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "media/codec.h"

namespace dq::media {

struct LoraUse {
  std::string name;
  double strength = 1;                          // on the denoiser
  std::optional<double> text_encoder_strength;  // when it differs or is told apart
  std::string hash;                             // 10 or 12 hex digits, or empty

  bool operator==(const LoraUse&) const = default;
};

struct GenerationInfo {
  std::string
      program;  // "A1111 WebUI", "ComfyUI", "SwarmUI", "Fooocus", "InvokeAI", "NovelAI", "Draw Things", …
  std::string version;  // of the program, when told

  std::string prompt, negative_prompt;
  // Every setting in the order and spelling of the file; values are unquoted.
  std::vector<std::pair<std::string, std::string>> settings;

  std::optional<int> steps;
  std::string sampler, scheduler;  // as the program spells them
  std::optional<double> cfg;
  std::optional<std::uint64_t> seed;
  std::optional<int> width, height;
  std::string model, model_hash, vae;
  std::optional<int> clip_skip;
  std::optional<double> denoise;
  std::vector<LoraUse> loras;
  std::string rng;  // "CPU", "GPU", "NV": where the first noise comes from, as WebUI names it
  std::optional<std::int64_t> ensd;  // WebUI's "eta noise seed delta"

  // Our own request, untouched JSON text, when the picture is ours.
  std::string danqing_request;
  std::vector<TextEntry> raw;  // everything that was found

  const std::string* setting(std::string_view key) const;
};

// Reads the texts of a file (media/metadata.h); the grammar is found by content, never by file name. Empty
// when no text is one of the known grammars. Never throws on strange texts: what cannot be read stays in
// `raw`.
std::optional<GenerationInfo> parse_generation_info(const std::vector<TextEntry>& texts);

}  // namespace dq::media
