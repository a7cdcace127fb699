// mini_judge: trains the judge, or says how well one judges.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "files/weight_source.h"
#include "guarded_main.h"
#include "mini/learn/judge_run.h"
#include "ops/devices.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app{"Trains the judge of the built-in model's pictures."};
  dq::mini::JudgeOptions r;
  std::filesystem::path data;
  int threads = 0, pictures = 2000;
  bool only_score = false;
  app.add_option("--data", data, "the folder that mini_catalogue wrote")->required();
  app.add_option("-o,--output", r.output, "the judge (safetensors); its state is kept beside it")->required();
  app.add_option("--steps", r.steps)->check(CLI::Range(1, 10'000'000));
  app.add_option("--batch", r.batch)->check(CLI::Range(1, 4096));
  app.add_option("--rate", r.rate);
  app.add_option("--seed", r.seed);
  app.add_option("--pictures", pictures, "to measure with")->check(CLI::Range(1, 1'000'000));
  app.add_option("--threads", threads);
  app.add_flag("--resume", r.resume);
  app.add_flag("--score", only_score, "only measure the judge that is there");
  CLI11_PARSE(app, argc, argv);
  const auto device = dq::ops::make_cpu_device({.threads = threads});
  const dq::mini::Composer composer = dq::mini::open_composer(data, 1, 0, dq::mini::Subjects::kAll);
  double mean = 0;
  r.on_step = [&](int step, double loss) {
    mean = step == 0 ? loss : mean * 0.98 + loss * 0.02;
    if ((step + 1) % 100 == 0) {
      fmt::print("step {}/{} loss {:.4f}\n", step + 1, r.steps, mean);
      std::fflush(stdout);
    }
  };
  if (!only_score) dq::mini::train_judge(*device, composer, r);
  const dq::mini::Judge judge(dq::weights::TensorTable(dq::files::open_weights(r.output)), *device);
  for (const int n : {64, 128, 256, 0}) {
    const std::vector<int> subjects =
        n > 0 ? dq::mini::choose_concepts(composer.catalogue(), n) : composer.subjects();
    const dq::mini::JudgeScore s = dq::mini::score_judge(judge, composer, subjects, pictures);
    fmt::print("{} concepts: first {:.3f}, among five {:.3f}; first of all {}: {:.3f}\n", subjects.size(),
               s.first, s.fifth, composer.subjects().size(), s.first_of_all);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_judge", run, argc, argv);
}
