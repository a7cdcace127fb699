// danqing bench: how fast this machine paints, and how near that is to what it could do.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "base/error.h"
#include "ops/devices.h"
#include "pipeline/bench_cases.h"
#include "pipeline/memory_budget.h"

namespace dq::app {
namespace {

struct BenchCommand {
  pipeline::BenchOptions options;
  std::string precision = "all", memory;
  int threads = 0;
  bool json = false;
};

double mib(std::int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

void print_header(const Device& device) {
  fmt::print(
      "\n{}\n\n| case | seconds | GFLOP/s or GB/s | share of the roof | peak MiB | anonymous MiB "
      "|\n|---|---|---|---|---|---|\n",
      device.name());
}

void print_row(const pipeline::BenchResult& r) {
  const double rate = (r.bytes > 0 ? r.bytes : r.flops) / r.seconds / 1e9;
  fmt::print("| {} | {:.4f} | {:.1f} | {:.0f} % | {:.0f} | {:.0f} |\n", r.name, r.seconds, rate,
             100 * r.roof_share, mib(r.peak_bytes), mib(r.peak_anonymous));
  std::fflush(stdout);
}

nlohmann::json as_json(const Device& device, Precision precision,
                       const std::vector<pipeline::BenchResult>& results) {
  nlohmann::json rows = nlohmann::json::array();
  for (const pipeline::BenchResult& r : results) {
    rows.push_back({{"case", r.name},
                    {"seconds", r.seconds},
                    {"flop", r.flops},
                    {"bytes", r.bytes},
                    {"roof_share", r.roof_share},
                    {"peak_bytes", r.peak_bytes},
                    {"peak_anonymous_bytes", r.peak_anonymous}});
  }
  return {{"device", device.name()},
          {"precision", precision == Precision::kF32 ? "f32" : "bf16"},
          {"results", rows}};
}

std::vector<Precision> precisions_of(const BenchCommand& command) {
  if (command.precision == "f32") return {Precision::kF32};
  if (command.precision == "bf16") return {Precision::kBF16};
  if (command.precision != "all") {
    throw Error(ErrorCode::kInvalidArgument, "--precision knows f32, bf16 and all");
  }
  // Emulated bf16 is for tests; its speed says nothing.
  if (ops::multiplies_bf16(ops::best_isa())) return {Precision::kF32, Precision::kBF16};
  return {Precision::kF32};
}

int bench(BenchCommand& command) {
  if (!command.memory.empty()) command.options.memory = pipeline::parse_memory(command.memory);
  nlohmann::json all = nlohmann::json::array();
  for (const Precision precision : precisions_of(command)) {
    const auto device = ops::make_cpu_device({.threads = command.threads, .precision = precision});
    if (!command.json) print_header(*device);
    const auto results = pipeline::run_bench(*device, command.options, [&](const pipeline::BenchResult& r) {
      if (!command.json) print_row(r);
    });
    all.push_back(as_json(*device, precision, results));
  }
  if (command.json) fmt::print("{}\n", all.dump(1));
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Run& run) {
  auto command = std::make_shared<BenchCommand>();
  CLI::App* cmd =
      app.add_subcommand("bench", "measure this machine: its roofs, and each part of painting against them");
  cmd->add_option("cases", command->options.cases, "roof, attention, text, denoiser, vae [all]");
  cmd->add_option("-m,--model", command->options.model, "checkpoint for text, denoiser and vae")
      ->type_name("FILE");
  cmd->add_option("--runs", command->options.runs, "timed runs of each case; the median counts [5]")
      ->check(CLI::Range(1, 1000));
  cmd->add_option("--threads", command->threads, "threads [one a core]")->check(CLI::Range(0, 1024));
  cmd->add_option("--precision", command->precision, "f32, bf16, all (those this processor has) [all]");
  cmd->add_option("--memory", command->memory, "most memory of the denoiser's step, such as 1G [any]");
  cmd->add_flag("--json", command->json, "as JSON");
  add_bench_mini(*cmd, run);
  cmd->callback([cmd, command, &run] {
    if (cmd->get_subcommands().empty()) run = [command] { return bench(*command); };
  });
}

}  // namespace dq::app
