// danqing train: the command line of a TrainRequest.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/pick.h"
#include "app/progress_line.h"
#include "base/error.h"
#include "ops/devices.h"
#include "pipeline/built_in.h"
#include "pipeline/memory_budget.h"
#include "train/dataset_config.h"
#include "train/trainer.h"
#include "train/trigger.h"

namespace dq::app {
namespace {

struct TrainOptions {
  train::TrainRequest request;
  std::string memory, weighting = "min-snr", loss = "mse", huber_schedule = "snr", prediction = "auto";
  std::string network = "lora", format = "kohya", checkpointing = "auto", precision = "auto";
  std::vector<std::string> optimizer_options;
  std::int64_t seed = -1;
  int threads = 0;
  bool has_trigger = false, resume = false, quiet = false, no_cache = false, no_samples = false,
       free_norm = false;
};

void add_data_options(CLI::App& cmd, TrainOptions& o) {
  train::TrainRequest& r = o.request;
  cmd.add_option(
         "folder", r.folder,
         "pictures (PNG, JPEG, WebP), with a .txt or .caption beside each that has one; or a .toml that "
         "describes a dataset as sd-scripts does")
      ->type_name("FOLDER")
      ->required();
  cmd.add_option("-m,--model", r.base, "checkpoint or diffusers folder to train on")
      ->type_name("FILE")
      ->required();
  cmd.add_option("--vae", r.vae, "VAE to use instead of the checkpoint's")->type_name("FILE");
  cmd.add_option("--text-encoder", r.text_encoder, "text encoder to use instead of the checkpoint's")
      ->type_name("FILE");
  const bool embedding = r.target == train::Target::kEmbedding;
  cmd.add_option("-o,--output", r.output,
                 embedding ? "the file to write, by whose name prompts call it [the trigger].safetensors"
                           : "the file to write [the folder's name].safetensors")
      ->type_name("OUT");
  if (r.target != train::Target::kControlNet) {
    cmd.add_option(
           "--regularisation", r.regularisation,
           "pictures of the subject's class, without the trigger: the model keeps what it knows of it")
        ->type_name("FOLDER");
    cmd.add_option("--prior-weight", r.prior_weight, "of their loss [1]");
  }
  if (r.target == train::Target::kLora) {
    cmd.add_flag("--preserve", r.preserve,
                 "hold them to what the model says of them without the LoRA, not to what they show; where "
                 "there are none, hold the pictures themselves, with their class for the trigger (2.5 times "
                 "as slow)");
  }
  cmd.add_option("--trigger", r.trigger,
                 embedding ? "word that the vectors stand for in captions; put in front of those without it "
                             "[the output's name, or the folder's]"
                           : "word that calls the subject; put in front of captions without it")
      ->type_name("WORD");
  cmd.add_option("--resolution", r.resolution, "side of the square whose area pictures get [the model's]");
  cmd.add_flag("--flip", r.flip, "also learn from mirrored pictures (not for faces or letters)");
  cmd.add_option("--crop-jitter", r.crops,
                 "ways to cut each picture: the middle, the others up to a tenth larger, anywhere in it [1]");
  cmd.add_flag("--keep-all", r.keep_all_pictures, "leave out only pictures that cannot be read");
}

void add_caption_options(CLI::App& cmd, TrainOptions& o) {
  train::CaptionRule& c = o.request.captions;
  cmd.add_flag("--shuffle", c.shuffle, "shuffle the tags of a caption")->group("Captions");
  cmd.add_option("--keep-tokens", c.keep, "tags that stay in front when shuffling")->group("Captions");
  cmd.add_option("--caption-dropout", c.dropout, "share of steps without a caption")->group("Captions");
  cmd.add_option("--tag-dropout", c.tag_dropout, "share of tags that are left out")->group("Captions");
  cmd.add_flag("--wildcards", c.wildcards, "{a|b} chooses, and a random line of several is used")
      ->group("Captions");
}

void add_text_encoder_options(CLI::App& cmd, TrainOptions& o) {
  train::TrainRequest& r = o.request;
  cmd.add_flag("--train-text-encoder", r.train_text_encoder, "train the text encoder too")->group("Learning");
  cmd.add_option("--text-rate", r.text_rate,
                 "learning rate of the text encoder [a quarter; from scratch a half]")
      ->group("Learning");
}

const char* steps_text(train::Target target) {
  if (target == train::Target::kEmbedding) return "[50 a picture, 1500 … 3000]";
  if (target == train::Target::kControlNet) return "[20 a picture, 4000 … 20000]";
  return "[60 a picture, 600 … 1500]";
}

void add_learning_options(CLI::App& cmd, TrainOptions& o) {
  train::TrainRequest& r = o.request;
  cmd.add_option("--steps", r.steps, steps_text(r.target))->group("Learning");
  cmd.add_option("--batch", r.batch, "pictures a step [2; controlnet: 4]")->group("Learning");
  cmd.add_option("--accumulate", r.accumulation, "passes a step [1]")->group("Learning");
  cmd.add_option("--rate", r.rate,
                 "learning rate [2e-4; full: 3e-6, from scratch 4e-4; embedding: 5e-3; controlnet: 1e-5]")
      ->group("Learning");
  cmd.add_option("--last-rate", r.last_rate,
                 "the share of it that a falling schedule ends with [0; embedding: 0.1]")
      ->group("Learning");
  cmd.add_option("--decay-steps", r.decay_steps, "steps at the end over which a constant rate falls [0]")
      ->group("Learning");
  cmd.add_option("--optimizer", r.optimizer, "adamw, adamw8bit, adafactor, lion, prodigy [adamw]")
      ->group("Learning");
  cmd.add_option("--optimizer-option", o.optimizer_options,
                 "one of its settings, such as beta2=0.99; repeatable")
      ->type_name("NAME=NUMBER")
      ->group("Learning");
  cmd.add_option("--average", r.average, "write a moving average of the weights, with this decay [none]")
      ->group("Learning");
  cmd.add_option("--clip", r.clip, "largest norm of the gradient; 0: any [1]")->group("Learning");
  cmd.add_option("--schedule", r.schedule, "constant, linear, cosine, cosine_restarts, rex [cosine]")
      ->group("Learning");
  cmd.add_option("--warmup", r.warmup, "steps over which the rate rises")->group("Learning");
  cmd.add_option("--weighting", o.weighting, "of noise levels: min-snr, uniform, debiased")
      ->group("Learning");
  cmd.add_option("--loss", o.loss, "mse, huber, smooth_l1 [mse]")->group("Learning");
  cmd.add_option("--huber-c", r.objective.huber_c, "where the loss turns linear [0.1]")->group("Learning");
  cmd.add_option("--huber-schedule", o.huber_schedule, "constant, exponential, snr [snr]")->group("Learning");
  cmd.add_option(
         "--prediction", o.prediction,
         "eps, v, v-zsnr (v with a schedule that ends in pure noise), when it is not what the file tells")
      ->group("Learning");
  cmd.add_option("--min-snr", r.objective.gamma, "gamma of min-snr [5]")->group("Learning");
  const auto add_timestep = [&cmd](const char* name, double& share, const char* what) {
    cmd.add_option_function<int>(
           name, [&share](int step) { share = step / 1000.0; }, what)
        ->group("Learning");
  };
  add_timestep("--min-timestep", r.objective.first, "lowest noise level to learn, of 1000 [0]");
  add_timestep("--max-timestep", r.objective.last, "the one after the highest [1000]");
  cmd.add_option("--noise-offset", r.objective.noise_offset, "[0]")->group("Learning");
  cmd.add_option("--clip-skip", r.clip_skip, "take the text encoder's n-th last layer [1]")
      ->group("Learning");
  cmd.add_option("--seed", o.seed, "the same seed gives the same file [0]")->group("Learning");
}

void add_adapter_options(CLI::App& cmd, TrainOptions& o) {
  train::NetworkOptions& n = o.request.network;
  cmd.add_option("--network", o.network, "lora, loha, lokr, dora, oft [lora]")->group("Network");
  cmd.add_option("--rank", n.rank, "size of the network; of oft, rows that turn together [16]")
      ->group("Network");
  cmd.add_option("--alpha", n.alpha, "[the rank]")->group("Network");
  cmd.add_option("--conv-rank", n.conv_rank, "also train convolutions, with this rank")->group("Network");
  cmd.add_option("--format", o.format,
                 "names in the file: kohya (sd-scripts, read by everything), diffusers, comfy [kohya]")
      ->group("Network");
}

void add_full_options(CLI::App& cmd, TrainOptions& o) {
  cmd.add_flag("--from-scratch", o.request.from_scratch,
               "begin from fresh weights in the shapes of the model; its VAE stays")
      ->group("Network");
  cmd.add_flag("--keep-text-encoder", o.request.keep_text_encoder,
               "from scratch, but a text encoder that is trained begins as the model has it")
      ->group("Network");
}

void add_control_options(CLI::App& cmd, TrainOptions& o) {
  train::TrainRequest& r = o.request;
  cmd.add_option("--conditioning", r.conditioning,
                 "the control pictures (edges, depths, poses), each with the name of its picture")
      ->type_name("FOLDER")
      ->group("Control");
  cmd.add_option("--control", r.control_start, "a control net to go on from [a fresh one]")
      ->type_name("FILE")
      ->group("Control");
  cmd.add_option("--sample-control", r.sample_control, "control picture of sample pictures [the first]")
      ->type_name("IMG")
      ->group("Control");
  cmd.add_option("--format", o.format,
                 "names in the file: original (read by everything), diffusers [original]")
      ->group("Control");
}

void add_embedding_options(CLI::App& cmd, TrainOptions& o) {
  train::EmbeddingOptions& e = o.request.embedding;
  cmd.add_option("--vectors", e.vectors, "how many tokens of a prompt the word takes, 1 to 75 [4]")
      ->group("Word");
  cmd.add_option("--initial", e.initial,
                 "words whose embeddings the vectors begin as [the folder's, else object or style]")
      ->type_name("WORDS")
      ->group("Word");
  cmd.add_flag("--style", e.style, "the pictures share a style, not a subject")->group("Word");
  cmd.add_flag("--free-norm", o.free_norm, "let the vectors grow longer than words are")->group("Word");
}

void add_sample_options(CLI::App& cmd, TrainOptions& o) {
  cmd.add_option(
         "--sample", o.request.samples,
         "prompt of sample pictures, painted with each kept file; repeatable [the trigger, at the end]")
      ->type_name("PROMPT")
      ->group("Samples");
  cmd.add_option("--sample-steps", o.request.sample_steps, "[20]")->group("Samples");
  cmd.add_flag("--no-samples", o.no_samples, "paint none")->group("Samples");
}

void add_run_options(CLI::App& cmd, TrainOptions& o) {
  cmd.add_flag("--resume", o.resume, "go on with a run that was stopped")->group("Run");
  cmd.add_option("--save-every", o.request.save_every, "steps between savings [250]")->group("Run");
  cmd.add_option("--keep-every", o.request.keep_every,
                 "steps between files that are kept beside the last; 0: none [a quarter of all, at least "
                 "100; full: 0]")
      ->group("Run");
  cmd.add_option(
         "--checkpointing", o.checkpointing,
         "run blocks again instead of keeping what they need: always, never, auto (when memory is short)")
      ->group("Run");
  cmd.add_option("--precision", o.precision,
                 "of the products: f32, bf16, auto (bf16 where the processor has it); weights, gradients and "
                 "moments stay f32")
      ->group("Run");
  cmd.add_flag("--bf16-weights", o.request.bf16_weights,
               "weights that fit bf16, rounded up or down by chance after every step, and written so")
      ->group("Run");
  cmd.add_flag("--no-cache", o.no_cache, "do not keep encoded pictures beside the output")->group("Run");
  cmd.add_option("--memory", o.memory, "most memory to use, such as 3G [what is free]")->group("Run");
  cmd.add_option("--threads", o.threads, "[one a core]")->check(CLI::Range(0, 1024))->group("Run");
  cmd.add_flag("-q,--quiet", o.quiet, "print nothing but errors and the file written")->group("Run");
}

// One line that is written over on a terminal; elsewhere a line a stage, and one every hundred steps.
class TrainLine {
 public:
  explicit TrainLine(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}
  ~TrainLine() { finish(); }

  void update(const train::TrainProgress& p) {
    if (quiet_) return;
    const bool steps = p.stage == train::TrainStage::kTraining;
    const bool fresh = p.stage != stage_ || !begun_;
    if (!terminal_ && !(fresh && !steps) && !(steps && p.done % 100 == 0)) return;
    begun_ = true;
    stage_ = p.stage;
    std::string text(to_string(p.stage));
    if (steps) {
      text = fmt::format("step {}/{} · loss {:.4f}", p.done, p.all, p.loss);
      if (p.seconds_per_step > 0) {
        text += " · " + pace(p.seconds_per_step, p.all - p.done);
      }
    } else if (p.all > 0) {
      text += fmt::format(" {}/{}", p.done, p.all);
    }
    if (terminal_) {
      fmt::print(stderr, "\r\x1b[K{}", text);
      open_ = true;
    } else {
      fmt::print(stderr, "{}\n", text);
    }
    std::fflush(stderr);
  }
  void finish() {
    if (open_) fmt::print(stderr, "\n");
    open_ = false;
  }

 private:
  bool quiet_, terminal_, begun_ = false, open_ = false;
  train::TrainStage stage_{};
};

// "Plan: lora of rank 16, 2 pictures a step, rate 0.0002 (cosine), adamw, 512 px, bf16, gradient
// checkpointing off. About 13.6 s a step and 4.1 GB of memory; 1200 steps end in 4 h 32 min, at 2026-01-31
// 18:42."
std::string told(const train::Plan& plan, const train::TrainRequest& r, Precision precision) {
  std::string what;
  if (r.target == train::Target::kLora) {
    what = fmt::format("{} of rank {}, ", weights::to_string(r.network.kind), r.network.rank);
  } else if (r.target == train::Target::kEmbedding) {
    what = fmt::format("{} vectors, ", r.embedding.vectors);
  }
  const double left = plan.seconds_per_step * static_cast<double>(plan.steps);
  const std::time_t end = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() +
                                                               std::chrono::seconds(std::lround(left)));
  return fmt::format(
      "Plan: {}{} pictures a step, rate {:g} ({}), {}, {} px, {}, gradient checkpointing {}.\n"
      "About {:.3g} s a step and {:.1f} GB of memory; {} steps end in {}, at {:%Y-%m-%d %H:%M}.",
      what, r.batch * r.accumulation, r.rate, r.schedule, r.optimizer, r.resolution,
      precision == Precision::kBF16 ? "bf16" : "f32", plan.checkpointing ? "on" : "off",
      plan.seconds_per_step, static_cast<double>(plan.peak_bytes) / (1 << 30), plan.steps, duration(left),
      fmt::localtime(end));
}

std::string folder_name(const train::TrainRequest& r) {
  std::filesystem::path folder = std::filesystem::path(r.folder).lexically_normal();
  if (folder.filename().empty()) folder = folder.parent_path();
  return (train::is_dataset_config(folder) ? folder.stem() : folder.filename()).string();
}

// A file by the folder's name; an embedding and its trigger by each other's.
void fill_names(train::TrainRequest& r, bool has_trigger) {
  const bool embedding = r.target == train::Target::kEmbedding;
  const std::string name = embedding && has_trigger ? r.trigger : folder_name(r);
  if (embedding && has_trigger) train::check_word("--trigger", r.trigger);  // before it names a file
  if (r.output.empty()) r.output = name + ".safetensors";
  if (embedding && !has_trigger) r.trigger = std::filesystem::path(r.output).stem().string();
}

// "beta2=0.99" → {"beta2", 0.99}
std::map<std::string, double> numbers_by_name(const std::vector<std::string>& texts) {
  std::map<std::string, double> out;
  for (const std::string& text : texts) {
    const std::size_t sign = text.find('=');
    double value = 0;
    const char *begin = text.data() + (sign == std::string::npos ? text.size() : sign + 1),
               *end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(begin, end, value);
    if (sign == 0 || begin == end || failed != std::errc() || stop != end) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--optimizer-option takes NAME=NUMBER, not {}", printable(text)));
    }
    out[text.substr(0, sign)] = value;
  }
  return out;
}

void apply_objective(TrainOptions& o) {
  using grad::LossKind;
  using train::HuberSchedule;
  using train::Weighting;
  train::ObjectiveOptions& objective = o.request.objective;
  objective.weighting = pick<Weighting>("--weighting", o.weighting,
                                        {{"min-snr", Weighting::kMinSnr},
                                         {"uniform", Weighting::kUniform},
                                         {"debiased", Weighting::kDebiased}});
  objective.loss = pick<LossKind>(
      "--loss", o.loss,
      {{"mse", LossKind::kMse}, {"huber", LossKind::kHuber}, {"smooth_l1", LossKind::kSmoothL1}});
  objective.huber_schedule = pick<HuberSchedule>("--huber-schedule", o.huber_schedule,
                                                 {{"constant", HuberSchedule::kConstant},
                                                  {"exponential", HuberSchedule::kExponential},
                                                  {"snr", HuberSchedule::kSnr}});
  pick_prediction(o.prediction, o.request.prediction, o.request.zero_terminal_snr);
}

void apply_network(TrainOptions& o) {
  using models::AdapterNames;
  using weights::AdapterKind;
  o.request.network.kind = pick<AdapterKind>("--network", o.network,
                                             {{"lora", AdapterKind::kLora},
                                              {"loha", AdapterKind::kLoha},
                                              {"lokr", AdapterKind::kLokr},
                                              {"dora", AdapterKind::kDora},
                                              {"oft", AdapterKind::kOft}});
  o.request.network.names = pick<AdapterNames>("--format", o.format,
                                               {{"kohya", AdapterNames::kSdScripts},
                                                {"original", AdapterNames::kSdScripts},
                                                {"diffusers", AdapterNames::kDiffusers},
                                                {"comfy", AdapterNames::kComfy}});
}

// The one question a run may ask: of a person at a terminal, when nothing says what the pictures show.
void ask_for_trigger(TrainOptions& o) {
  const bool somebody = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
  const bool open = o.request.target == train::Target::kLora && !o.has_trigger && !o.resume && !o.quiet;
  const bool told = train::is_dataset_config(o.request.folder) || train::has_captions(o.request.folder);
  if (!somebody || !open || told) return;
  o.request.trigger = train::ask_trigger(std::cin, std::cerr);
  if (!o.request.trigger.empty())
    fmt::print(stderr, "The same as --trigger \"{}\", which --resume will need.\n", o.request.trigger);
}

// "the best of the 4 kept files is out-step00000300.safetensors: its loss on fixed pictures and noise is the
// lowest, 0.1234 (the last one's 0.1301)"
std::string best_of(const train::TrainResult& result) {
  std::string text = fmt::format(
      "the best of the {} kept files is {}: its loss on fixed pictures and noise is the lowest, {:.4f}",
      result.kept, result.best.string(), result.validation.at(result.best_step));
  if (result.best != result.file)
    text += fmt::format(" (the last one's {:.4f})", result.validation.at(result.steps));
  return text;
}

int train_model(TrainOptions o) {
  train::TrainRequest& r = o.request;
  ask_for_trigger(o);
  r.optimizer_options = numbers_by_name(o.optimizer_options);
  fill_names(r, o.has_trigger);
  r.checkpointing = pick<train::Checkpointing>("--checkpointing", o.checkpointing,
                                               {{"auto", train::Checkpointing::kAuto},
                                                {"always", train::Checkpointing::kAlways},
                                                {"never", train::Checkpointing::kNever}});
  r.base = pipeline::model_path(r.base);
  r.paint_samples = !o.no_samples;
  r.embedding.keep_norm = !o.free_norm;
  if (o.seed >= 0) r.seed = static_cast<std::uint64_t>(o.seed);
  apply_objective(o);
  apply_network(o);
  const Interrupt interrupt;
  const auto device = ops::make_cpu_device({.threads = o.threads, .precision = pick_precision(o.precision)});
  TrainLine line(o.quiet);
  train::TrainerOptions options;
  const std::filesystem::path beside = std::filesystem::path(r.output).replace_extension("");
  if (!o.no_cache) options.cache = beside.string() + "-cache";
  options.logs = beside.string() + "-logs";
  options.memory = o.memory.empty() ? 0 : pipeline::parse_memory(o.memory);
  options.resume = o.resume;
  options.on_progress = [&](const train::TrainProgress& p) { line.update(p); };
  options.on_plan = [&](const train::Plan& plan, const train::TrainRequest& resolved) {
    say(options.log, LogLevel::kInfo, told(plan, resolved, device->precision()));
  };
  options.cancelled = [&] { return interrupt.requested(); };
  options.log = message_log(o.quiet, [&line] { line.finish(); });
  const train::TrainResult result = train::train(*device, r, options);
  line.finish();
  if (!o.quiet) {
    const std::size_t learned = result.data.training_pictures(),
                      regularising = result.data.pictures.size() - learned;
    fmt::print(stderr, "{} steps over {} pictures{}, loss {:.4f} at the end\n", result.steps, learned,
               regularising > 0 ? fmt::format(" and {} of regularisation", regularising) : "", result.loss);
    if (r.target == train::Target::kEmbedding) {
      fmt::print(stderr,
                 "prompts call it embedding:{0} when {0}.safetensors lies in a folder “embeddings” "
                 "near the model, or in that of paint's --embeddings\n",
                 result.file.stem().string());
    }
    if (!result.grid.empty())
      fmt::print(stderr, "samples of the base and the result: {}\n", result.grid.string());
    if (result.kept > 1) fmt::print(stderr, "{}\n", best_of(result));
  }
  fmt::print("{}\n", result.file.string());
  return 0;
}

}  // namespace

void add_train(CLI::App& app, Run& run) {
  CLI::App* cmd = app.add_subcommand("train", "learn from pictures");
  cmd->require_subcommand(1);
  const auto add = [&](const char* name, const char* about, train::Target target) {
    CLI::App* sub = cmd->add_subcommand(name, about);
    auto options = std::make_shared<TrainOptions>();
    options->request.target = target;
    add_data_options(*sub, *options);
    add_caption_options(*sub, *options);
    if (target == train::Target::kLora) add_adapter_options(*sub, *options);
    if (target == train::Target::kFull) add_full_options(*sub, *options);
    if (target == train::Target::kEmbedding) add_embedding_options(*sub, *options);
    if (target == train::Target::kControlNet) add_control_options(*sub, *options);
    // Every noise level counts alike: what a picture is laid out by is decided at the highest.
    if (target == train::Target::kControlNet) options->weighting = "uniform";
    if (target == train::Target::kLora || target == train::Target::kFull)
      add_text_encoder_options(*sub, *options);
    add_learning_options(*sub, *options);
    add_sample_options(*sub, *options);
    add_run_options(*sub, *options);
    sub->callback([options, sub, &run] {
      options->has_trigger = sub->count("--trigger") > 0;
      run = [options] { return train_model(*options); };
    });
    return sub;
  };
  add("lora", "learn a subject or a style from a handful of pictures", train::Target::kLora)
      ->footer(
          "Examples:\n"
          "  danqing train lora photos/ -m model.safetensors --trigger \"sks cat\"\n"
          "  danqing train lora photos/ -m model.safetensors --resume");
  add("full", "train every weight of a model on many pictures", train::Target::kFull)
      ->footer(
          "Examples:\n"
          "  danqing train full pictures/ -m model.safetensors -o tuned.safetensors --steps 5000\n"
          "  danqing train full pictures/ -m shapes.safetensors --from-scratch --train-text-encoder");
  add("controlnet", "learn to follow pictures of edges, depths or poses", train::Target::kControlNet)
      ->footer(
          "Examples:\n"
          "  danqing train controlnet pictures/ --conditioning edges/ -m model.safetensors -o "
          "edges.safetensors\n"
          "  danqing paint \"a house\" -m model.safetensors --control edges.safetensors --control-image "
          "edge.png");
  add("embedding", "learn a word for a subject or a style (textual inversion)", train::Target::kEmbedding)
      ->footer(
          "Examples:\n"
          "  danqing train embedding photos/ -m model.safetensors --trigger my-cat --initial \"cat\"\n"
          "  danqing paint \"a photo of embedding:my-cat\" -m model.safetensors --embeddings .");
}

}  // namespace dq::app
