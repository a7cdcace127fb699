// danqing bench mini: does a small model paint what prompts say?
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "base/error.h"
#include "mini/checks.h"
#include "ops/devices.h"
#include "pipeline/built_in.h"

namespace dq::app {
namespace {

namespace fs = std::filesystem;

struct MiniCommand {
  mini::CheckOptions options;
  std::string data, judge;
  int subjects = 128, threads = 0;
  std::vector<std::string> only;  // of kChecks; none: all
  bool json = false;
};

struct Check {
  const char* name;
  std::vector<mini::CheckRow> (*run)(mini::Checks& checks, int threads);
};
constexpr std::array<Check, 8> kChecks = {{
    {"english", [](mini::Checks& checks, int) { return checks.retrieval(false); }},
    {"chinese", [](mini::Checks& checks, int) { return checks.retrieval(true); }},
    {"scenes", [](mini::Checks& checks, int) { return checks.scenes(); }},
    {"guidance", [](mini::Checks& checks, int) { return checks.guidance(); }},
    {"diversity", [](mini::Checks& checks, int) { return checks.diversity(); }},
    {"samplers", [](mini::Checks& checks, int) { return checks.samplers(); }},
    {"autoencoder", [](mini::Checks& checks, int) { return checks.autoencoder(); }},
    {"precision",
     [](mini::Checks& checks, int threads) {
       return checks.precision(*ops::make_cpu_device({.threads = threads, .precision = Precision::kBF16}));
     }},
}};

// The folder of the questions and of the judge.
fs::path data_folder(const MiniCommand& command) {
  if (command.data.empty()) {
    if (const std::optional<fs::path> share = pipeline::share_folder()) return *share / "mini";
    throw Error(ErrorCode::kNotFound, "the program's folder share/mini is not there")
        .hint("Name the folder of the catalogue and the judge with --data DIR, or share with $DANQING_SHARE");
  }
  if (!fs::is_directory(command.data)) {
    throw Error(ErrorCode::kNotFound, "there is no such folder").in(command.data);
  }
  return command.data;
}

mini::Judge open_judge(const MiniCommand& command, const fs::path& data, Device& device) {
  const fs::path file = command.judge.empty() ? data / "judge.safetensors" : fs::path(command.judge);
  if (!fs::exists(file)) {
    throw Error(ErrorCode::kNotFound, "there is no judge")
        .in(file.string())
        .hint("mini_judge trains one; give it with --judge FILE");
  }
  return {weights::open_table(file), device};
}

int bench_mini(const MiniCommand& command) {
  const mini::CheckOptions& o = command.options;
  const fs::path data = data_folder(command);
  const auto device = ops::make_cpu_device({.threads = command.threads});
  const mini::Composer composer = mini::open_composer(data, 1, command.subjects);
  const mini::Judge judge = open_judge(command, data, *device);
  mini::Checks checks(*device, composer, judge, o);
  const std::string heading =
      fmt::format("{}, stored as {}; {} {} {} steps, guidance {:g}; {} concepts", o.model, checks.stored_as(),
                  o.sampler, o.scheduler, o.steps, o.guidance, composer.subjects().size());
  if (!command.json) fmt::print("{}\n\n| check | value | pictures |\n|---|---|---|\n", heading);
  std::fflush(stdout);
  nlohmann::json rows = nlohmann::json::array();
  for (const Check& check : kChecks) {
    if (!command.only.empty() && std::ranges::find(command.only, check.name) == command.only.end()) continue;
    for (const mini::CheckRow& row : check.run(checks, command.threads)) {
      rows.push_back({{"check", row.name}, {"value", row.value}, {"pictures", row.pictures}});
      if (!command.json) fmt::print("| {} | {:.3f} | {} |\n", row.name, row.value, row.pictures);
    }
    std::fflush(stdout);
  }
  if (command.json) {
    const nlohmann::json all = {{"model", o.model},         {"stored_as", checks.stored_as()},
                                {"sampler", o.sampler},     {"scheduler", o.scheduler},
                                {"steps", o.steps},         {"guidance", o.guidance},
                                {"seeds", o.seeds},         {"concepts", composer.subjects().size()},
                                {"device", device->name()}, {"results", rows}};
    fmt::print("{}\n", all.dump(1));
  }
  return 0;
}

}  // namespace

void add_bench_mini(CLI::App& bench, Run& run) {
  auto command = std::make_shared<MiniCommand>();
  command->options.model = pipeline::kBuiltInModel;
  mini::CheckOptions& o = command->options;
  CLI::App* cmd =
      bench.add_subcommand("mini", "whether a small model paints what prompts say; see docs/mini.md");
  cmd->add_option("-m,--model", o.model, "the model to ask [the built-in one]")->type_name("FILE");
  cmd->add_option("--data", command->data, "folder of the catalogue and the judge [the program's share/mini]")
      ->type_name("DIR");
  cmd->add_option("--judge", command->judge, "what says what a picture shows [judge.safetensors of the data]")
      ->type_name("FILE");
  cmd->add_option("--subjects", command->subjects, "how many concepts the model was trained on [128]")
      ->check(CLI::Range(1, 100'000));
  cmd->add_option("--names", o.names, "of how many of them to ask [64]");
  cmd->add_option("--seeds", o.seeds, "pictures of each question [2]");
  cmd->add_option("--scenes", o.scenes, "pictures of each kind of scene [48]");
  cmd->add_option("--steps", o.steps, "denoising steps [20]");
  cmd->add_option("--sampler", o.sampler, "[euler]");
  cmd->add_option("--scheduler", o.scheduler, "[normal]");
  cmd->add_option("--cfg", o.guidance, "guidance [4]");
  cmd->add_option("--threads", command->threads, "threads [one a core]")->check(CLI::Range(0, 1024));
  std::vector<std::string> names;
  for (const Check& check : kChecks) names.emplace_back(check.name);
  cmd->add_option("--only", command->only, fmt::format("these checks: {}", fmt::join(names, ", ")))
      ->delimiter(',')
      ->type_name("NAME,…")
      ->check(CLI::IsMember(names));
  cmd->add_flag("--json", command->json, "as JSON");
  cmd->callback([command, &run] { run = [command] { return bench_mini(*command); }; });
}

}  // namespace dq::app
