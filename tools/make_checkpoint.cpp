// make_checkpoint: a random checkpoint in the shapes of Stable Diffusion 1.5. See checkpoint/checkpoint.h.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <map>

#include "checkpoint/checkpoint.h"
#include "guarded_main.h"

namespace {

using dq::DType;
using dq::tools::Container;
using dq::tools::Layout;

const std::map<std::string, Layout> kLayouts = {{"original", Layout::kOriginal},
                                                {"original-ema", Layout::kOriginalEma},
                                                {"old-text-prefix", Layout::kOldTextPrefix},
                                                {"diffusers", Layout::kDiffusers},
                                                {"parts", Layout::kParts}};
const std::map<std::string, Container> kContainers = {{"safetensors", Container::kSafetensors},
                                                      {"ckpt", Container::kTorchZip}};
const std::map<std::string, DType> kDTypes = {
    {"f32", DType::kF32}, {"f16", DType::kF16}, {"bf16", DType::kBF16}};

int run(int argc, char** argv) {
  CLI::App app{
      "Writes a random checkpoint with the names and shapes of Stable Diffusion 1.5. Same options, same "
      "bytes."};
  dq::tools::CheckpointOptions options;
  std::string layout = "original", container = "safetensors", dtype = "f16";
  app.add_option("-o,--out", options.out, "the file; a folder for the layouts diffusers and parts")
      ->required();
  app.add_option("--layout", layout, "original, original-ema, old-text-prefix, diffusers or parts")
      ->check(CLI::IsMember(kLayouts));
  app.add_option("--container", container, "safetensors or ckpt")->check(CLI::IsMember(kContainers));
  app.add_option("--dtype", dtype, "f32, f16 or bf16")->check(CLI::IsMember(kDTypes));
  app.add_option("--channels", options.channels, "input channels of the U-Net: 4, or 9 for inpainting");
  app.add_option("--seed", options.seed, "what the numbers are made from");
  app.add_option("--size", options.size, "full (1.07 billion parameters), small, mini or nano")
      ->check(CLI::IsMember({"full", "small", "mini", "nano"}));
  CLI11_PARSE(app, argc, argv);
  options.layout = kLayouts.at(layout);
  options.container = kContainers.at(container);
  options.dtype = kDTypes.at(dtype);
  for (const auto& path : dq::tools::write_checkpoint(options)) fmt::print("{}\n", path.string());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return dq::tools::guarded_main("make_checkpoint", run, argc, argv);
}
