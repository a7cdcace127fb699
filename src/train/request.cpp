#include "train/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/check_range.h"
#include "base/error.h"
#include "grad/optimizer.h"
#include "text/prompt.h"
#include "train/trigger.h"

namespace dq::train {
namespace {

// Sixty steps a picture, but not fewer than an adapter needs to settle, nor so many that a handful of
// pictures is learned by heart.
// A word's vectors need longer than a network's matrices, also for a few pictures.
int default_steps(const TrainRequest& r, std::size_t pictures) {
  const auto count = static_cast<int>(std::min<std::size_t>(pictures, 1'000'000));
  int steps = std::clamp(count * 60, 600, 1500);
  if (r.target == Target::kEmbedding) steps = std::clamp(count * 50, 1500, 3000);
  // What a control net is to follow it understands all at once, after some thousands of steps.
  if (r.target == Target::kControlNet) steps = std::clamp(count * 20, 4000, 20'000);
  return steps / std::max(1, r.batch / 2);
}

double default_rate(const TrainRequest& r) {
  if (r.optimizer == "prodigy") return 1;  // it finds its own
  double rate = 2e-4;
  if (r.target == Target::kFull) rate = r.from_scratch ? 4e-4 : 3e-6;
  if (r.target == Target::kEmbedding) rate = 5e-3;
  if (r.target == Target::kControlNet) rate = 1e-5;
  return r.optimizer == "lion" ? rate / 4 : rate;
}

void fill_embedding(TrainRequest& r, const TrainingFacts& facts) {
  EmbeddingOptions& e = r.embedding;
  if (r.last_rate < 0) r.last_rate = 0.1;
  if (e.initial.empty()) e.initial = e.style ? "style" : facts.class_words;
  if (e.initial.empty()) e.initial = "object";
}

void check_embedding(const TrainRequest& r) {
  check_range("--vectors", r.embedding.vectors, 1, text::kPromptTokens);
  check_word("--trigger", r.trigger);
  // Its name is what people type, whatever stood in the captions.
  check_word("the output's name", std::filesystem::path(r.output).stem().string());
  if (r.embedding.initial.find_first_not_of(" \t") == std::string::npos) {
    throw Error(ErrorCode::kInvalidArgument, "--initial holds no words")
        .hint("Name what the pictures show in a word or two, such as --initial \"cat\".");
  }
  if (r.train_text_encoder) {
    throw Error(ErrorCode::kInvalidArgument, "the text encoder is not trained with an embedding")
        .hint("`danqing train lora` can train both.");
  }
}

void check_control(const TrainRequest& r) {
  if (r.train_text_encoder) {
    throw Error(ErrorCode::kInvalidArgument, "the text encoder is not trained with a control net");
  }
  if (!r.regularisation.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "a control net needs no regularisation pictures")
        .hint("The model itself stays as it is.");
  }
}

void check_preserve(const TrainRequest& r, const TrainingFacts& facts) {
  if (r.target != Target::kLora) {
    throw Error(ErrorCode::kInvalidArgument, "--preserve is for adapters, which can be taken off")
        .hint("`danqing train lora` knows it.");
  }
  if (facts.regularising == 0 && r.trigger.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--preserve has nothing to tell what shall stay as it is")
        .hint(
            "Name the word that calls the subject with --trigger, or pictures of other things with "
            "--regularisation.");
  }
}

void fill_defaults(TrainRequest& r, const TrainingFacts& facts) {
  const bool full = r.target == Target::kFull;
  if (r.resolution == 0) r.resolution = facts.native_size;
  const std::size_t usual = r.target == Target::kControlNet ? 4 : 2;
  if (r.batch == 0) r.batch = static_cast<int>(std::min(usual, std::max<std::size_t>(facts.pictures, 1)));
  if (r.steps == 0) r.steps = default_steps(r, facts.pictures);
  if (r.warmup < 0) r.warmup = std::min(100, r.steps / 20);
  if (r.optimizer.empty()) r.optimizer = "adamw";
  if (r.rate == 0) r.rate = default_rate(r);
  if (r.text_rate == 0 && r.optimizer == "prodigy") r.text_rate = r.rate;
  if (r.text_rate == 0) r.text_rate = r.from_scratch ? r.rate / 2 : r.rate / 4;
  if (r.schedule.empty()) r.schedule = "cosine";
  if (r.target == Target::kEmbedding) fill_embedding(r, facts);
  if (r.last_rate < 0) r.last_rate = 0;
  // Adapters are small: a few of them cost little and the best may not be the last.
  if (r.keep_every < 0) r.keep_every = full ? 0 : std::max(100, r.steps / 4);
  if (r.network.rank == 0) r.network.rank = facts.pictures > 100 ? 32 : 16;
  if (r.network.alpha == 0) r.network.alpha = r.network.rank;
  r.objective.prediction = facts.prediction;
}

}  // namespace

bool learns_through_text(const TrainRequest& r) {
  return r.train_text_encoder || r.target == Target::kEmbedding;
}

TrainRequest resolve(TrainRequest r, const TrainingFacts& facts) {
  fill_defaults(r, facts);
  grad::make_optimizer(r.optimizer, {}, r.optimizer_options);  // knows its names and ranges
  check_range("--resolution", r.resolution, 64, 4096);
  check_range("--batch", r.batch, 1, 1024);
  check_range("--steps", r.steps, 1, 10'000'000);
  check_range("--warmup", r.warmup, 0, r.steps);
  check_range("--rate", r.rate, 1e-9, 10.0);
  check_range("--text-rate", r.text_rate, 1e-9, 10.0);
  check_range("--last-rate", r.last_rate, 0.0, 1.0);
  check_range("--decay-steps", r.decay_steps, 0, r.steps - r.warmup);
  if (r.decay_steps > 0 && r.schedule != "constant") {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("the schedule {} falls by itself", r.schedule))
        .hint("Use --decay-steps with --schedule constant.");
  }
  check_range("--rank", r.network.rank, 1, 4096);
  if (r.network.names == models::AdapterNames::kDiffusers && r.network.kind != weights::AdapterKind::kLora) {
    throw Error(ErrorCode::kInvalidArgument, "diffusers reads no adapters but LoRAs from such a file")
        .hint("Use --format kohya or comfy, or --network lora.");
  }
  check_range("--conv-rank", r.network.conv_rank, 0, 4096);
  check_range("--alpha", r.network.alpha, 1e-6, 1e6);
  check_range("--accumulate", r.accumulation, 1, 4096);
  check_range("--prior-weight", r.prior_weight, 0.0, 100.0);
  check_range("--clip", r.clip, 0.0, 1e6);
  check_range("--average", r.average, 0.0, 0.999999);
  check_range("--noise-offset", r.objective.noise_offset, 0.0, 1.0);
  check_range("--min-timestep", 1000 * r.objective.first, 0.0, 999.0);
  check_range("--max-timestep", 1000 * r.objective.last, 1000 * r.objective.first + 1, 1000.0);
  check_range("--min-snr", r.objective.gamma, 0.0, 1e6);
  check_range("--huber-c", r.objective.huber_c, 1e-6, 1e3);
  check_range("--caption-dropout", r.captions.dropout, 0.0, 1.0);
  check_range("--tag-dropout", r.captions.tag_dropout, 0.0, 1.0);
  check_range("--keep-tokens", r.captions.keep, 0, 1000);
  check_range("--clip-skip", r.clip_skip, 1, 12);
  check_range("--crop-jitter", r.crops, 1, 100);
  check_range("--save-every", r.save_every, 1, 10'000'000);
  check_range("--sample-steps", r.sample_steps, 1, 1000);
  check_range("--keep-every", r.keep_every, 0, 10'000'000);
  if (r.target == Target::kEmbedding) check_embedding(r);
  if (r.target == Target::kControlNet) check_control(r);
  if (r.preserve) check_preserve(r, facts);
  return r;
}

std::string to_text(const TrainRequest& r) {
  std::string out;
  const auto line = [&](const char* name, const auto& value) { out += fmt::format("{} {}\n", name, value); };
  const ObjectiveOptions& o = r.objective;
  line("target", static_cast<int>(r.target));
  line("network",
       fmt::format("{} {}", weights::to_string(r.network.kind), static_cast<int>(r.network.names)));
  line("rank", r.network.rank);
  line("alpha", r.network.alpha);
  line("conv_rank", r.network.conv_rank);
  if (r.target == Target::kEmbedding) {
    line("vectors", r.embedding.vectors);
    line("initial", r.embedding.initial);
    line("style", r.embedding.style);
    line("keep_norm", r.embedding.keep_norm);
  }
  if (!r.control_start.empty()) line("control_start", r.control_start);
  line("from_scratch", r.from_scratch);
  if (r.keep_text_encoder) line("keep_text_encoder", true);
  line("text_encoder", r.train_text_encoder);
  line("resolution", r.resolution);
  // With a constant rate a run may be made longer later, and be told to end.
  if (r.schedule != "constant") line("steps", r.steps);
  line("batch", r.batch);
  line("accumulation", r.accumulation);
  line("warmup", r.warmup);
  line("rate", r.rate);
  line("text_rate", r.text_rate);
  if (r.last_rate > 0) line("last_rate", r.last_rate);
  line("optimizer", r.optimizer);
  line("schedule", r.schedule);
  line("clip", r.clip);
  line("average", r.average);
  if (r.bf16_weights) line("bf16_weights", true);
  for (const auto& [name, value] : r.optimizer_options) line(("optimizer." + name).c_str(), value);
  line("weighting", static_cast<int>(o.weighting));
  line("gamma", o.gamma);
  line("noise_offset", o.noise_offset);
  line("input_perturbation", o.input_perturbation);
  line("loss",
       fmt::format("{} {} {}", static_cast<int>(o.loss), o.huber_c, static_cast<int>(o.huber_schedule)));
  line("prediction", static_cast<int>(o.prediction));
  line("zero_terminal_snr", r.zero_terminal_snr);
  line("times", fmt::format("{} {}", o.first, o.last));
  line("prior_weight", r.prior_weight);
  if (r.preserve) line("preserve", true);
  line("trigger", r.trigger);
  line("buckets",
       fmt::format("{} {} {} {}", r.buckets.smallest, r.buckets.largest, r.buckets.step, r.buckets.upscale));
  line("captions", to_text(r.captions));
  line("flip", r.flip);
  if (r.crops > 1) line("crops", r.crops);
  line("clip_skip", r.clip_skip);
  line("seed", r.seed);
  return out;
}

}  // namespace dq::train
