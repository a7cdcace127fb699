// danqing inspect: what a weight file is. Wiring only; the report is pipeline/inspect_report.h's.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include "app/commands.h"
#include "pipeline/hash_cache.h"
#include "pipeline/inspect_report.h"

namespace dq::app {
namespace {

constexpr std::uint64_t kWorthProgress = 256u << 20;  // bytes; smaller files are done before one reads a line

// A percentage that writes over itself, on a terminal only.
bool show_progress(std::uint64_t done, std::uint64_t total) {
  if (total < kWorthProgress) return true;
  if (done == total) {
    fmt::print(stderr, "\r\033[K");
  } else {
    fmt::print(stderr, "\rhashing {:3d} %", 100 * done / total);
  }
  return true;
}

}  // namespace

void add_inspect(CLI::App& app, Run& run) {
  auto options = std::make_shared<pipeline::InspectOptions>();
  auto no_hash = std::make_shared<bool>(false);
  CLI::App* cmd = app.add_subcommand("inspect", "say what a weight file is, what it fits and what not");
  cmd->add_option("files", options->files, "weight files or diffusers folders")
      ->required()
      ->type_name("FILE…");
  cmd->add_flag("--json", options->json, "as JSON (docs/inspect.md)");
  cmd->add_flag("--no-hash", *no_hash, "do not read the whole file for its hashes");
  cmd->add_flag("--metadata,-v", options->metadata, "all of the file's metadata");
  cmd->callback([options, no_hash, &run] {
    options->hashes = !*no_hash;
    options->hash_table = pipeline::HashCache::default_file();
    if (isatty(STDERR_FILENO)) options->progress = show_progress;
    run = [options] { return pipeline::inspect(*options, std::cout, std::cerr); };
  });
}

}  // namespace dq::app
