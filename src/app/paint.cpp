// danqing paint: the command line of a Request.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/pick.h"
#include "app/progress_line.h"
#include "media/codec.h"
#include "ops/devices.h"
#include "pipeline/built_in.h"
#include "pipeline/memory_budget.h"
#include "pipeline/outputs.h"
#include "pipeline/painter.h"
#include "sampling/sampler.h"
#include "sampling/schedulers.h"

namespace dq::app {
namespace {

struct PaintOptions {
  pipeline::Request request;
  std::string from, size, output, memory, precision = "auto", reading = "comfy", prediction = "auto",
                                          noise = "cpu";
  std::string preview = "auto", embeddings;
  std::vector<std::string> loras, controls, control_images;
  std::vector<double> control_starts, control_ends;
  std::int64_t seed = -1;
  int count = 1, threads = 0, quality = 92;
  bool quiet = false;
};

template <class Table>
std::string names_of(const Table& table) {
  std::string out;
  for (const auto& row : table) out += (out.empty() ? "" : ", ") + std::string(row.name);
  return out;
}

// CLI11 takes the nearest number that fits; a seed must be the one that was asked for.
std::string fits_64_bits(const std::string& text) {
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc::result_out_of_range ? printable(text) + " is too large" : "";
}

void add_model_options(CLI::App& cmd, PaintOptions& o) {
  cmd.add_option("-m,--model", o.request.model,
                 "checkpoint, bare denoiser or diffusers folder [the built-in sample model]")
      ->type_name("FILE")
      ->group("Model");
  cmd.add_option("--vae", o.request.vae, "VAE to use instead of the checkpoint's")
      ->type_name("FILE")
      ->group("Model");
  cmd.add_option("--text-encoder", o.request.text_encoder, "text encoder to use instead of the checkpoint's")
      ->type_name("FILE")
      ->group("Model");
  cmd.add_option("--embeddings", o.embeddings,
                 "folder of textual-inversion embeddings, besides those near the model")
      ->type_name("DIR")
      ->group("Model");
  cmd.add_option("--lora", o.loras, "LoRA, such as cat.safetensors:0.8; may be given several times")
      ->type_name("FILE[:STRENGTH]")
      ->group("Model");
  cmd.add_option("--prediction", o.prediction,
                 "what the model predicts: auto, eps, v, v-zsnr (zero-terminal-SNR)")
      ->group("Model");
}

void add_picture_options(CLI::App& cmd, PaintOptions& o) {
  auto& r = o.request;
  cmd.add_option("prompt", r.prompt, "what to paint; (words:1.2) weighs, embedding:name inserts")
      ->type_name("PROMPT");
  cmd.add_option("-n,--negative", r.negative_prompt, "what to keep out of the picture")
      ->type_name("PROMPT")
      ->group("Picture");
  cmd.add_option("--prompt-style", o.reading, "how weights are read: comfy, webui")->group("Picture");
  cmd.add_option("--size", o.size, "pixels, such as 512x768")->type_name("WxH")->group("Picture");
  cmd.add_option("--seed", o.seed, "0 … 2^63 − 1; a random one when not given")
      ->check(fits_64_bits)
      ->group("Picture");
  cmd.add_option("--count", o.count, "pictures to paint one after another, with seeds going up by 1")
      ->check(CLI::Range(1, 10000))
      ->group("Picture");
  cmd.add_option("--batch", r.batch, "pictures painted together from one noise stream (needs more memory)")
      ->group("Picture");
  cmd.add_option("--from", o.from, "repeat what made this picture; other options change it")
      ->type_name("IMG")
      ->group("Picture");
  cmd.add_option("--init", r.init_image, "picture to start from (see --denoise)")
      ->type_name("IMG")
      ->group("Picture");
  cmd.add_option("--mask", r.mask_image,
                 "white: repaint, black: keep; its own transparency counts when it has no colours")
      ->type_name("IMG")
      ->group("Picture");
  cmd.add_option("--mask-blur", r.mask_blur, "soften the mask's edge by this many pixels [4]")
      ->group("Picture");
  cmd.add_option("--denoise", r.denoise, "how far to leave --init: 0 keeps it, 1 starts from nothing [1]")
      ->group("Picture");
}

void add_control_options(CLI::App& cmd, PaintOptions& o) {
  cmd.add_option("--control", o.controls,
                 "control net, such as canny.safetensors:0.8; may be given several times")
      ->type_name("FILE[:STRENGTH]")
      ->group("Control");
  cmd.add_option("--control-image", o.control_images,
                 "the edges, depths or pose it follows; one for each net, or one for all")
      ->type_name("IMG")
      ->group("Control");
  cmd.add_option("--control-start", o.control_starts, "share of the steps after which it begins [0]")
      ->group("Control");
  cmd.add_option("--control-end", o.control_ends, "share of the steps after which it ends [1]")
      ->group("Control");
}

void add_sampling_options(CLI::App& cmd, PaintOptions& o) {
  auto& r = o.request;
  cmd.add_option("--steps", r.steps, "denoising steps")->group("Sampling");
  cmd.add_option("--cfg", r.guidance,
                 "guidance: how strictly to follow the prompt; 1 ignores the negative and is twice as fast")
      ->group("Sampling");
  cmd.add_option("--sampler", r.sampler, names_of(sampling::samplers()))
      ->type_name("NAME")
      ->group("Sampling");
  cmd.add_option("--scheduler", r.scheduler, names_of(sampling::schedulers()))
      ->type_name("NAME")
      ->group("Sampling");
  cmd.add_option("--clip-skip", r.clip_skip, "take the text encoder's n-th last layer")->group("Sampling");
  cmd.add_option("--eta", r.eta, "noise that stochastic samplers add back [1]")->group("Sampling");
  cmd.add_option("--noise", o.noise,
                 "random numbers: cpu (ComfyUI), cuda (as an NVIDIA card draws them), webui-cpu, webui-gpu")
      ->group("Sampling");
  cmd.add_option("--hires", r.hires.scale, "second pass at this many times the size, such as 2")
      ->group("Sampling");
  cmd.add_option("--hires-steps", r.hires.steps, "steps of the second pass [as many as the first]")
      ->group("Sampling");
  cmd.add_option("--hires-denoise", r.hires.denoise, "how far the second pass leaves the first [0.7]")
      ->group("Sampling");
  cmd.add_option("--hires-upscaler", r.hires.upscaler, "latent, latent-bilinear, latent-bicubic, lanczos")
      ->group("Sampling");
}

void add_machine_options(CLI::App& cmd, PaintOptions& o) {
  cmd.add_option("-o,--output", o.output, "file (.png, .jpg, .webp) or folder; a free name when not given")
      ->type_name("OUT")
      ->group("Output");
  cmd.add_option("--quality", o.quality, "of JPEG and WebP, 1–100 [92]")
      ->check(CLI::Range(1, 100))
      ->group("Output");
  cmd.add_option("--preview", o.preview, "show the picture grow: auto, none, kitty, sixel, iterm")
      ->group("Output");
  cmd.add_flag("-q,--quiet", o.quiet, "print nothing but errors and the files written")->group("Output");
  cmd.add_option("--memory", o.memory, "most memory to use, such as 3G [most of what is free]")
      ->group("Machine");
  cmd.add_option("--threads", o.threads, "threads [one a core]")
      ->check(CLI::Range(0, 1024))
      ->group("Machine");
  cmd.add_option("--precision", o.precision, "auto, f32, bf16")->group("Machine");
}

// "512x768", "512*768" or "512" for a square.
void parse_size(const std::string& text, pipeline::Request& request) {
  std::istringstream in(text);
  char x = 'x';
  in >> request.width;
  if (in && !in.eof())
    in >> x >> request.height;
  else
    request.height = request.width;
  if (in.fail() || !in.eof() || (x != 'x' && x != 'X' && x != '*') || request.width <= 0 ||
      request.height <= 0) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} is not a size", printable(text)))
        .hint("Write --size 512x768");
  }
}

// "cat.safetensors:0.8"; a colon that no number follows belongs to the name.
struct FileAndStrength {
  std::string file;
  double strength = 1;
};
FileAndStrength parse_use(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon + 1 == text.size()) return {text};
  double strength = 0;
  const auto [end, failed] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), strength);
  if (failed != std::errc() || end != text.data() + text.size()) return {text};
  return {text.substr(0, colon), strength};
}

pipeline::LoraUse parse_lora(const std::string& text) {
  const auto [file, strength] = parse_use(text);
  if (!(std::abs(strength) <= 100)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("a LoRA's strength must be from -100 to 100, not {}", strength));
  }
  return {file, strength, {}};
}

// One value for all control nets, or one for each.
template <class T, class Set>
void spread(const char* option, const std::vector<T>& values, std::vector<pipeline::ControlUse>& controls,
            const Set& set) {
  if (values.empty()) return;
  if (values.size() != 1 && values.size() != controls.size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} is given {} times, --control {} times", option,
                                                         values.size(), controls.size()))
        .hint("Give it once for all control nets, or once for each");
  }
  if (controls.empty()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} needs a control net", option))
        .hint("Give one with --control FILE");
  }
  for (std::size_t i = 0; i < controls.size(); ++i) set(controls[i], values[values.size() == 1 ? 0 : i]);
}

void apply_controls(PaintOptions& o) {
  std::vector<pipeline::ControlUse>& controls = o.request.controls;
  if (!o.controls.empty()) {
    controls.clear();
    for (const std::string& text : o.controls) {
      const auto [file, strength] = parse_use(text);
      controls.push_back({.file = file, .image = {}, .strength = strength, .sha256 = {}, .image_sha256 = {}});
    }
  }
  using Use = pipeline::ControlUse;
  spread("--control-image", o.control_images, controls, [](Use& use, const std::string& image) {
    use.image = image;
    use.image_sha256.clear();  // it may be another one than --from was made with
  });
  spread("--control-start", o.control_starts, controls, [](Use& use, double v) { use.start = v; });
  spread("--control-end", o.control_ends, controls, [](Use& use, double v) { use.end = v; });
}

void apply_choices(const CLI::App& cmd, PaintOptions& o) {
  pipeline::Request& r = o.request;
  if (!o.size.empty()) parse_size(o.size, r);
  if (cmd.count("--prompt-style") || o.from.empty()) {
    r.reading = pick<text::Reading>("--prompt-style", o.reading,
                                    {{"comfy", text::Reading::kComfy}, {"webui", text::Reading::kA1111}});
  }
  if (cmd.count("--noise") || o.from.empty()) {
    r.noise = pick<sampling::NoiseStream>("--noise", o.noise,
                                          {{"cpu", sampling::NoiseStream::kCpu},
                                           {"cuda", sampling::NoiseStream::kCuda},
                                           {"webui-cpu", sampling::NoiseStream::kCpu},
                                           {"webui-gpu", sampling::NoiseStream::kCuda}});
    r.noise_per_image = o.noise.starts_with("webui");
  }
  if (cmd.count("--prediction")) {
    pick_prediction(o.prediction, r.prediction, r.zero_terminal_snr);
  }
  if (cmd.count("--lora")) {
    r.loras.clear();
    for (const std::string& lora : o.loras) r.loras.push_back(parse_lora(lora));
  }
  apply_controls(o);
  // A picture named now may be another one than --from was made with.
  if (cmd.count("--init")) r.init_sha256.clear();
  if (cmd.count("--mask")) r.mask_sha256.clear();
  if (o.seed >= 0)
    r.seed = static_cast<std::uint64_t>(o.seed);
  else if (o.from.empty() || cmd.count("--seed")) {
    std::random_device entropy;
    r.seed = (static_cast<std::uint64_t>(entropy()) << 21) ^ entropy();
  }
}

// The value of --from on the command line; empty when it is not there.
std::string from_of(const std::vector<std::string>& words) {
  if (words.empty() || words[0] != "paint") return {};
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--from" && i + 1 < words.size()) return words[i + 1];
    if (words[i].starts_with("--from=")) return words[i].substr(7);
  }
  return {};
}

Precision precision_of(const CLI::App& cmd, const PaintOptions& o) {
  if (!o.from.empty() && !cmd.count("--precision")) return o.request.precision;
  return pick_precision(o.precision);
}

// Who names no model gets the built-in one, when it is there; a picture that says how it was made was made
// with another. True when it is taken.
bool take_built_in(PaintOptions& o) {
  if (!o.request.model.empty()) return false;
  if (o.from.empty() && pipeline::built_in_model()) {
    o.request.model = pipeline::kBuiltInModel;
    return true;
  }
  throw Error(ErrorCode::kInvalidArgument,
              o.from.empty() ? "no model is given, and the built-in one is not there" : "no model is given")
      .hint("Give a checkpoint with -m FILE, such as one downloaded from Civitai or Hugging Face");
}

int paint(const CLI::App& cmd, PaintOptions o) {
  apply_choices(cmd, o);
  const bool is_sample = take_built_in(o);
  const Interrupt interrupt;
  o.request.precision = precision_of(cmd, o);
  const auto device = ops::make_cpu_device({.threads = o.threads, .precision = o.request.precision});
  const media::TerminalImages preview = o.quiet ? media::TerminalImages::kNone : parse_preview(o.preview);
  ProgressLine line(o.quiet, preview);

  pipeline::PainterOptions options;
  options.memory = o.memory.empty() ? 0 : pipeline::parse_memory(o.memory);
  options.embeddings_folder = o.embeddings;
  options.keep_denoiser = o.count > 1;
  options.previews = preview != media::TerminalImages::kNone;
  options.on_progress = [&line](const pipeline::Progress& p) { line.update(p); };
  options.cancelled = [&interrupt] { return interrupt.requested(); };
  options.log = message_log(o.quiet, [&line] { line.finish(); });
  if (is_sample) {
    say(options.log, LogLevel::kInfo,
        "No model is given, so the built-in sample model paints: small pictures of simple things, told in "
        "English or Chinese. Give a real model with -m FILE");
  }
  pipeline::Painter painter(*device, options);
  pipeline::OutputNames names(o.output, o.count * o.request.batch);
  for (int i = 0; i < o.count; ++i) {
    const pipeline::Painting painting = painter.paint(o.request);
    for (std::size_t k = 0; k < painting.images.size(); ++k) {
      const std::filesystem::path path =
          pipeline::write_picture(names, painting, k, {.quality = o.quality, .program_version = "0.1.0"});
      line.finish();
      fmt::print("{}\n", path.string());
      std::fflush(stdout);
    }
    ++o.request.seed;
  }
  return 0;
}

}  // namespace

void add_paint(CLI::App& app, Run& run, const std::vector<std::string>& words) {
  auto options = std::make_shared<PaintOptions>();
  if (const std::string from = from_of(words); !from.empty())
    options->request = pipeline::request_of_picture(from);
  CLI::App* cmd = app.add_subcommand("paint", "make pictures from a prompt");
  add_picture_options(*cmd, *options);
  add_model_options(*cmd, *options);
  add_control_options(*cmd, *options);
  add_sampling_options(*cmd, *options);
  add_machine_options(*cmd, *options);
  cmd->footer(
      "Examples:\n"
      "  danqing paint \"a lighthouse at dusk, oil painting\" -m model.safetensors\n"
      "  danqing paint \"猫，水墨画\" -m model.safetensors --size 512x768 --steps 28 --sampler dpmpp_2m "
      "--scheduler karras\n"
      "  danqing paint \"autumn leaves\" -m model.safetensors --init photo.jpg --denoise 0.6\n"
      "  danqing paint --from danqing-42.png --seed 43");
  cmd->callback([cmd, options, &run] { run = [cmd, options] { return paint(*cmd, *options); }; });
}

}  // namespace dq::app
