// mini_assemble: the checkpoint that training from scratch begins with. The shapes of one file, the VAE of
// another, and the vocabulary.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/small_file.h"
#include "guarded_main.h"
#include "ops/devices.h"
#include "pipeline/checkpoint_contents.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app{"Joins shapes, a VAE and a vocabulary into a checkpoint to train from scratch."};
  dq::pipeline::Request files;
  std::string merges, output;
  app.add_option("--shapes", files.model, "a checkpoint of the wanted shapes (make_checkpoint --size mini)")
      ->required();
  app.add_option("--vae", files.vae, "the VAE that mini_autoencoder wrote")->required();
  app.add_option("--merges", merges, "the vocabulary that mini_tokenizer wrote")->required();
  app.add_option("-o,--out", output)->required();
  CLI11_PARSE(app, argc, argv);
  const auto device = dq::ops::make_cpu_device();
  dq::pipeline::OpenModel model = dq::pipeline::open_model(files);
  const auto text = dq::read_small_file(merges, 8u << 20);
  if (!text) throw dq::Error(dq::ErrorCode::kNotFound, "the vocabulary cannot be read").in(merges);
  const dq::pipeline::CheckpointContents all =
      dq::pipeline::checkpoint_contents(model, *device, dq::DType::kF32, {});
  dq::files::write_safetensors(output, all.tensors, {{"tokenizer/merges.txt", *text}});
  fmt::print("{}\n", output);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("mini_assemble", run, argc, argv);
}
