#include "train/run_facts.h"

#include <fmt/format.h>

#include <filesystem>

namespace dq::train {
namespace {

// What sd-scripts and LyCORIS call the network.
void tell_network(RunFacts& facts, const NetworkOptions& network) {
  using weights::AdapterKind;
  facts.rank = network.rank;
  facts.alpha = network.alpha;
  if (network.conv_rank > 0) {
    facts.network_args["conv_dim"] = std::to_string(network.conv_rank);
    facts.network_args["conv_alpha"] = fmt::format("{}", network.alpha * network.conv_rank / network.rank);
  }
  if (network.kind == AdapterKind::kLora) return;
  facts.network_module = "lycoris.kohya";
  std::string algorithm(weights::to_string(network.kind));
  if (network.kind == AdapterKind::kOft) algorithm = "diag-oft";
  if (network.kind == AdapterKind::kDora) {
    algorithm = "lora";
    facts.network_args["dora_wd"] = "True";
  }
  facts.network_args["algo"] = algorithm;
}

}  // namespace

RunFacts facts_of(const TrainRequest& request, const pipeline::OpenModel& model, const RunPlace& place) {
  RunFacts facts;
  const std::filesystem::path base(request.base);
  facts.output_name = std::filesystem::path(request.output).stem().string();
  const models::MetadataNames names = model.family->metadata_names(model.variant);
  facts.architecture = names.architecture;
  facts.base_model_version = names.base_version;
  facts.base_file = base.filename().string();
  facts.base_sha256 = place.base_sha256;
  facts.v_prediction = model.variant.prediction == models::Prediction::kV;
  facts.zero_terminal_snr = model.variant.schedule.zero_terminal_snr;
  facts.target = request.target;
  tell_network(facts, request.network);
  facts.learning_rate = request.rate;
  if (request.target != Target::kEmbedding) facts.denoiser_rate = request.rate;
  if (request.train_text_encoder) facts.text_encoder_rate = request.text_rate;
  facts.optimizer = request.optimizer;
  facts.scheduler = request.schedule;
  facts.warmup_steps = request.warmup;
  facts.batch_size = request.batch;
  if (place.precision == Precision::kBF16) facts.mixed_precision = "bf16";
  facts.accumulation = request.accumulation;
  facts.steps = place.steps;
  facts.most_steps = request.steps;
  facts.batches_per_epoch = place.passes_per_epoch;
  facts.epoch = static_cast<int>(place.steps * request.accumulation / facts.batches_per_epoch);
  facts.epochs = static_cast<int>((request.steps * request.accumulation + facts.batches_per_epoch - 1) /
                                  facts.batches_per_epoch);
  facts.seed = request.seed;
  facts.clip_skip = request.clip_skip;
  facts.resolution = {request.resolution, request.resolution};
  facts.first_time = request.objective.first;
  facts.last_time = request.objective.last;
  facts.noise_offset = request.objective.noise_offset;
  if (request.objective.weighting == Weighting::kMinSnr) facts.min_snr_gamma = request.objective.gamma;
  facts.caption_dropout = request.captions.dropout;
  facts.clip_norm = request.clip;
  // Left to the memory that is there, it is no fact of the file: the same run writes the same one.
  if (request.checkpointing != Checkpointing::kAuto)
    facts.checkpointing = request.checkpointing == Checkpointing::kAlways;
  facts.flip = request.flip;
  facts.random_crop = request.crops > 1;
  facts.shuffle_caption = request.captions.shuffle;
  facts.keep_tokens = request.captions.keep;
  facts.prior_weight = request.prior_weight;
  facts.preserve = request.preserve;
  // An embedding is called by its file's name.
  facts.trigger = request.target == Target::kEmbedding ? facts.output_name : request.trigger;
  return facts;
}

}  // namespace dq::train
