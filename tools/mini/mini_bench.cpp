// mini_bench: measures whether a small model paints what prompts say.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "files/weight_source.h"
#include "guarded_main.h"
#include "mini/learn/checks.h"
#include "ops/devices.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app{"Measures whether a small model paints what prompts say."};
  dq::mini::CheckOptions o;
  std::filesystem::path data, judge_file;
  int subjects = 128, threads = 0;
  bool only_english = false;
  app.add_option("--data", data, "the folder that mini_catalogue wrote")->required();
  app.add_option("--judge", judge_file, "what mini_judge wrote")->required();
  app.add_option("-m,--model", o.model)->required();
  app.add_option("--subjects", subjects, "the first N concepts: those that were trained");
  app.add_option("--names", o.names, "concepts that are asked for");
  app.add_option("--seeds", o.seeds, "pictures a prompt");
  app.add_option("--scenes", o.scenes, "of each kind");
  app.add_option("--steps", o.steps);
  app.add_option("--cfg", o.guidance);
  app.add_option("--threads", threads);
  app.add_flag("--quick", only_english, "only retrieval in English");
  CLI11_PARSE(app, argc, argv);
  const auto device = dq::ops::make_cpu_device({.threads = threads});
  const dq::mini::Composer composer = dq::mini::open_composer(data, 1, subjects);
  const dq::mini::Judge judge(dq::weights::TensorTable(dq::files::open_weights(judge_file)), *device);
  dq::mini::Checks checks(*device, composer, judge, o);
  const auto print = [](const std::vector<dq::mini::CheckRow>& rows) {
    for (const dq::mini::CheckRow& row : rows)
      fmt::print("| {} | {:.3f} | {} |\n", row.name, row.value, row.pictures);
    std::fflush(stdout);
  };
  fmt::print("| check | share | pictures |\n|---|---|---|\n");
  print(checks.retrieval(false));
  if (only_english) return 0;
  print(checks.retrieval(true));
  print(checks.scenes());
  print(checks.sampling());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_bench", run, argc, argv);
}
