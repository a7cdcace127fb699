#include "models/recognised/training.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/table_texts.h"

namespace dq::models::recognised {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTags = 20;
constexpr std::size_t kMaxJson = 64u << 20;  // bytes of tag statistics that are read

struct Fact {
  const char* key;
  const char* name;
};
constexpr Fact kFacts[] = {
    {"ss_steps", "steps"},
    {"ss_epoch", "epochs"},
    {"ss_num_train_images", "images"},
    {"ss_resolution", "resolution"},
    {"ss_learning_rate", "learning rate"},
    {"ss_optimizer", "optimizer"},
    {"ss_network_module", "network"},
    {"ss_network_dim", "rank"},
    {"ss_network_alpha", "alpha"},
    {"ss_clip_skip", "clip skip"},
    {"ss_noise_offset", "noise offset"},
    {"ss_min_snr_gamma", "min-SNR gamma"},
    {"ss_sd_model_name", "trained on"},
    {"ss_seed", "seed"},
    {"ss_training_comment", "comment"},
    {"modelspec.architecture", "architecture"},
    {"modelspec.implementation", "implementation"},
    {"modelspec.author", "author"},
    {"modelspec.license", "licence"},
    {"modelspec.resolution", "native size"},
    {"modelspec.date", "date"},
    {"modelspec.usage_hint", "usage hint"},
};

// {folder: {tag: count}}, added up over folders.
std::vector<std::pair<std::string, std::uint64_t>> read_tags(const std::string& text) {
  if (text.empty() || text.size() > kMaxJson) return {};
  const json folders = json::parse(text, nullptr, false);
  if (!folders.is_object()) return {};
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [folder, tags] : folders.items()) {
    if (!tags.is_object()) continue;
    for (const auto& [tag, count] : tags.items()) {
      if (count.is_number_unsigned()) counts[tag] += count.get<std::uint64_t>() & 0xffffffffu;
    }
  }
  std::vector<std::pair<std::string, std::uint64_t>> out(counts.begin(), counts.end());
  std::ranges::stable_sort(out, [](const auto& a, const auto& b) { return a.second > b.second; });
  if (out.size() > kMaxTags) out.resize(kMaxTags);
  for (auto& [tag, count] : out) {
    const std::size_t first = tag.find_first_not_of(" \t\n"), last = tag.find_last_not_of(" \t\n");
    tag = first == std::string::npos ? std::string() : tag.substr(first, last - first + 1);
  }
  return out;
}

// An object, empty when there is no such configuration.
json scheduler_config(const Metadata& metadata) {
  return object_in(metadata, "scheduler/scheduler_config.json");
}

}  // namespace

int stated_size(const Metadata& metadata) {
  const std::string text = value_of(metadata, "modelspec.resolution");
  int width = 0, height = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, width);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != 'x') return 0;
  const auto second = std::from_chars(first.ptr + 1, end, height);
  const int side = std::min(width, height);
  return second.ec == std::errc() && second.ptr == end && side >= 64 && side <= 4096 ? side : 0;
}

std::string value_of(const Metadata& metadata, const std::string& key) {
  const auto it = metadata.find(key);
  return it == metadata.end() || it->second == "None" || it->second == "null" ? std::string() : it->second;
}

std::optional<TrainingFacts> read_training(const Metadata& metadata) {
  TrainingFacts out;
  out.base_model = value_of(metadata, "ss_base_model_version");
  out.title = value_of(metadata, "modelspec.title");
  if (out.title.empty()) out.title = value_of(metadata, "ss_output_name");
  if (const std::string phrase = value_of(metadata, "modelspec.trigger_phrase"); !phrase.empty()) {
    out.trigger_words.push_back(phrase);
  }
  out.tags = read_tags(value_of(metadata, "ss_tag_frequency"));
  for (const Fact& fact : kFacts) {
    if (std::string value = value_of(metadata, fact.key); !value.empty())
      out.facts[fact.name] = std::move(value);
  }
  const bool anything = !out.base_model.empty() || !out.title.empty() || !out.tags.empty() ||
                        !out.facts.empty() || !out.trigger_words.empty();
  return anything ? std::optional(std::move(out)) : std::nullopt;
}

std::string stated_prediction(const Metadata& metadata) {
  const std::string spec = value_of(metadata, "modelspec.prediction_type");
  if (spec == "v" || spec == "v_prediction") return "v";
  if (spec == "epsilon" || spec == "eps") return "eps";
  const std::string base = value_of(metadata, "ss_base_model_version");
  if (base.ends_with("_v")) return "v";
  const json scheduler = scheduler_config(metadata);
  const auto type = scheduler.find("prediction_type");
  if (type == scheduler.end()) return "";
  return *type == "v_prediction" ? "v" : *type == "epsilon" ? "eps" : "";
}

bool states_zero_terminal_snr(const Metadata& metadata) {
  const json scheduler = scheduler_config(metadata);
  const auto rescaled = scheduler.find("rescale_betas_zero_snr");
  return rescaled != scheduler.end() && *rescaled == true;
}

}  // namespace dq::models::recognised
