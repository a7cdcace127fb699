// mini_autoencoder: trains the built-in model's VAE, or says how well one gives pictures back.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "guarded_main.h"
#include "mini/learn/autoencoder_run.h"
#include "ops/devices.h"

namespace {

struct Options {
  dq::mini::AutoencoderOptions run;
  std::filesystem::path data, base;
  int threads = 0, subjects = 0;
  bool bf16 = false, only_score = false;
};

int run(int argc, char** argv) {
  CLI::App app{"Trains the built-in model's autoencoder on composed pictures."};
  Options options;
  dq::mini::AutoencoderOptions& r = options.run;
  app.add_option("--data", options.data, "the folder that mini_catalogue wrote")->required();
  app.add_option("--base", options.base,
                 "a checkpoint with a VAE of the wanted shapes (make_checkpoint --size mini)")
      ->required();
  app.add_option("-o,--output", r.output, "the VAE to write (safetensors); its state is kept beside it");
  app.add_option("--steps", r.steps)->check(CLI::Range(1, 10'000'000));
  app.add_option("--batch", r.batch)->check(CLI::Range(1, 4096));
  app.add_option("--crop", r.crop)->check(CLI::IsMember({32, 48, 64, 96, 128}));
  app.add_option("--rate", r.rate);
  app.add_option("--noise", r.noise);
  app.add_option("--pull", r.pull);
  app.add_option("--seed", r.seed);
  app.add_option("--save-every", r.save_every)->check(CLI::Range(1, 1'000'000));
  app.add_option("--subjects", options.subjects, "only the first N concepts");
  app.add_option("--threads", options.threads);
  app.add_flag("--bf16", options.bf16, "products of bf16; for processors with AMX");
  app.add_flag("--resume", r.resume);
  app.add_flag("--score", options.only_score, "only measure the base's VAE");
  CLI11_PARSE(app, argc, argv);
  const auto device = dq::ops::make_cpu_device(
      {.threads = options.threads, .precision = options.bf16 ? dq::Precision::kBF16 : dq::Precision::kF32});
  // Those held out from what the denoiser learns belong to it: any picture is to be kept.
  const dq::mini::Composer composer =
      dq::mini::open_composer(options.data, r.seed, options.subjects, dq::mini::Subjects::kAll);
  const auto score = [&](const std::filesystem::path& file) {
    const dq::weights::ComponentSet set =
        dq::weights::open_components({.main = file, .vae = {}, .text_encoder = {}});
    const auto vae = dq::models::families()[0]->load_vae(set, *device);
    const auto result = dq::mini::score_autoencoder(*device, *vae, composer, std::uint64_t{1} << 41, 128);
    fmt::print("PSNR {:.2f} dB over 128 pictures, worst {:.2f} dB\n", result.psnr, result.worst);
  };
  if (options.only_score) {
    score(options.base);
    return 0;
  }
  double mean = 0;
  r.on_step = [&](int step, double loss, double seconds) {
    mean = step == 0 ? loss : mean * 0.99 + loss * 0.01;
    if ((step + 1) % 50 == 0) {
      fmt::print("step {}/{} loss {:.4f} ({:.2f} s)\n", step + 1, r.steps, mean, seconds);
      std::fflush(stdout);
    }
  };
  dq::mini::train_autoencoder(
      *device, dq::weights::open_components({.main = options.base, .vae = {}, .text_encoder = {}}), composer,
      r);
  score(r.output);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_autoencoder", run, argc, argv);
}
