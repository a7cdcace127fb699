// danqing show: what made a picture.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "base/mapped_file.h"
#include "media/generation_info.h"
#include "media/metadata.h"

namespace dq::app {
namespace {

struct ShowOptions {
  std::vector<std::string> files;
  bool json = false, raw = false;
};

// Settings of the infotext that have a row of their own.
constexpr std::array<std::string_view, 13> kShownAbove{
    "Steps", "Sampler",   "Schedule type",      "CFG scale", "Seed", "Size",   "Model hash",
    "Model", "Clip skip", "Denoising strength", "VAE",       "RNG",  "Version"};

void print_info(const media::GenerationInfo& info) {
  const auto row = [](const char* name, const std::string& value) {
    if (!value.empty()) fmt::print("{:<16} {}\n", name, value);
  };
  row("program", info.version.empty() ? info.program : info.program + " " + info.version);
  row("prompt", info.prompt);
  row("negative", info.negative_prompt);
  if (info.width && info.height) row("size", fmt::format("{}x{}", *info.width, *info.height));
  if (info.seed) row("seed", fmt::format("{}", *info.seed));
  if (info.steps) row("steps", fmt::format("{}", *info.steps));
  row("sampler", info.sampler);
  row("scheduler", info.scheduler);
  if (info.cfg) row("cfg", fmt::format("{}", *info.cfg));
  if (info.denoise) row("denoise", fmt::format("{}", *info.denoise));
  if (info.clip_skip) row("clip skip", fmt::format("{}", *info.clip_skip));
  row("model", info.model_hash.empty() ? info.model : fmt::format("{} [{}]", info.model, info.model_hash));
  row("vae", info.vae);
  for (const media::LoraUse& lora : info.loras) {
    row("lora",
        fmt::format("{} × {}{}", lora.name, lora.strength, lora.hash.empty() ? "" : " [" + lora.hash + "]"));
  }
  row("noise", info.rng);
  for (const auto& [key, value] : info.settings) {
    if (std::ranges::find(kShownAbove, key) == kShownAbove.end()) fmt::print("  {}: {}\n", key, value);
  }
}

nlohmann::json as_json(const std::string& file, const media::GenerationInfo& info) {
  nlohmann::json out{{"file", file},
                     {"program", info.program},
                     {"prompt", info.prompt},
                     {"negative_prompt", info.negative_prompt}};
  const auto put = [&out](const char* key, const auto& value) {
    if (value) out[key] = *value;
  };
  put("width", info.width);
  put("height", info.height);
  put("seed", info.seed);
  put("steps", info.steps);
  put("cfg", info.cfg);
  put("denoise", info.denoise);
  put("clip_skip", info.clip_skip);
  out["sampler"] = info.sampler;
  out["scheduler"] = info.scheduler;
  out["model"] = info.model;
  out["model_hash"] = info.model_hash;
  out["vae"] = info.vae;
  out["loras"] = nlohmann::json::array();
  for (const media::LoraUse& lora : info.loras) {
    out["loras"].push_back({{"name", lora.name}, {"strength", lora.strength}, {"hash", lora.hash}});
  }
  out["settings"] = nlohmann::json::array();
  for (const auto& [key, value] : info.settings) out["settings"].push_back({key, value});
  return out;
}

int show(const ShowOptions& options) {
  int status = 0;
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& path : options.files) {
    try {
      const auto file = MappedFile::open(path);
      const std::vector<media::TextEntry> texts = media::read_texts_and_stealth(file->bytes());
      const auto info = media::parse_generation_info(texts);
      if (options.files.size() > 1 && !options.json) fmt::print("{}\n", path);
      if (options.raw) {
        for (const media::TextEntry& text : texts) fmt::print("{}: {}\n", text.key, text.text);
      } else if (!info) {
        throw Error(ErrorCode::kNotFound, "nothing in this picture tells how it was made").in(path);
      } else if (options.json) {
        all.push_back(as_json(path, *info));
      } else {
        print_info(*info);
      }
    } catch (Error& error) {
      if (error.file().empty()) error.in(path);
      fmt::print(stderr, "danqing: {}\n", error.what());
      status = 1;
    }
  }
  if (options.json) fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  return status;
}

}  // namespace

void add_show(CLI::App& app, Run& run) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* cmd = app.add_subcommand("show", "print what made a picture, whichever program that was");
  cmd->add_option("files", options->files, "pictures")->required()->type_name("IMG…");
  cmd->add_flag("--json", options->json, "as JSON");
  cmd->add_flag("--raw", options->raw, "every text in the file as it stands");
  cmd->callback([options, &run] { run = [options] { return show(*options); }; });
}

}  // namespace dq::app
