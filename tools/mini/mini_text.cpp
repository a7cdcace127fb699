// mini_text: teaches the text encoder what captions say, before the denoiser learns.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "guarded_main.h"
#include "mini/learn/text_run.h"
#include "mini/mixture_option.h"
#include "ops/devices.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app{"Teaches a checkpoint's text encoder what the captions of composed pictures say."};
  dq::mini::TextOptions o;
  dq::pipeline::Request files;
  std::filesystem::path data;
  int subjects = 128, threads = 0;
  dq::mini::Mixture mixture;
  app.add_option("--data", data, "the folder that mini_catalogue wrote")->required();
  app.add_option("--base", files.model, "the checkpoint that mini_assemble wrote")->required();
  app.add_option("--text-encoder", files.text_encoder, "text encoder to use instead of the checkpoint's");
  app.add_option("-o,--output", o.output, "the same with a text encoder that knows its words")->required();
  app.add_option("--subjects", subjects, "the first N concepts: those that are trained");
  app.add_option("--steps", o.steps)->check(CLI::Range(1, 10'000'000));
  app.add_option("--batch", o.batch)->check(CLI::Range(1, 4096));
  app.add_option("--rate", o.rate);
  app.add_option("--seed", o.seed);
  dq::mini::add_mixture(app, mixture);
  app.add_option("--hold", o.hold,
                 "go on from the base's text encoder, and keep its encodings near what they were")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--threads", threads);
  CLI11_PARSE(app, argc, argv);
  const auto device = dq::ops::make_cpu_device({.threads = threads});
  const dq::mini::Composer composer =
      dq::mini::open_composer(data, 1, subjects, dq::mini::Subjects::kTrained, mixture);
  const dq::pipeline::OpenModel base = dq::pipeline::open_model(files);
  double mean = 0;
  o.on_step = [&](int step, double loss) {
    mean = step == 0 ? loss : mean * 0.95 + loss * 0.05;
    if ((step + 1) % 100 != 0) return;
    fmt::print("step {}/{} loss {:.4f}\n", step + 1, o.steps, mean);
    std::fflush(stdout);
  };
  const dq::mini::TextScore score = dq::mini::train_text(*device, base, composer, o);
  fmt::print(
      "of captions that were not seen: thing {:.3f}, its colour {:.3f}, background {:.3f}, both of a pair "
      "{:.3f}\n",
      score.thing, score.colour, score.background, score.pair);
  if (o.hold > 0) fmt::print("the encodings changed by {:.4f} of their variance\n", score.changed);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_text", run, argc, argv);
}
