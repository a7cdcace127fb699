#include "train/metadata.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "files/weight_source.h"
#include "media/codec.h"
#include "media/resize.h"
#include "train/captions.h"

namespace dq::train {
namespace {

using Json = nlohmann::ordered_json;

// As Python's str() and repr() do.
std::string text(bool value) {
  return value ? "True" : "False";
}

std::string text(double value) {
  std::string out = fmt::format("{}", value);
  if (out.find_first_of(".en") == std::string::npos) out += ".0";
  return out;
}

std::string text(const std::optional<double>& value) {
  return value ? text(*value) : "None";
}

std::string or_none(double value) {
  return value > 0 ? text(value) : "None";
}

// {folder: {tag: how often}}, with the folder's repeats in its name as sd-scripts has it.
Json tag_frequency(const Dataset& data) {
  std::map<std::string, std::map<std::string, int>> folders;
  for (const TrainingPicture& picture : data.pictures) {
    auto& tags = folders[picture.file.parent_path().filename().string()];
    for (const std::string& tag : split_tags(picture.caption)) ++tags[tag];
  }
  return folders;
}

Json dataset_folders(const Dataset& data, bool regularisation) {
  Json out = Json::object();
  for (const TrainingPicture& picture : data.pictures) {
    if (data.regularises(picture) != regularisation) continue;
    Json& folder = out[picture.file.parent_path().filename().string()];
    if (folder.is_null()) folder = {{"n_repeats", picture.repeats}, {"img_count", 0}};
    folder["img_count"] = folder["img_count"].get<int>() + 1;
  }
  return out;
}

Json bucket_info(const std::map<Size, int>& buckets) {
  Json list = Json::object();
  int index = 0;
  for (const auto& [size, count] : buckets) {
    list[std::to_string(index++)] = {{"resolution", {size.width, size.height}}, {"count", count}};
  }
  return {{"buckets", list}};
}

// What ModelSpec puts after the architecture of a file that is no checkpoint.
std::string_view kind_of(Target target) {
  switch (target) {
    case Target::kLora:
      return "/lora";
    case Target::kEmbedding:
      return "/textual-inversion";
    case Target::kControlNet:
      return "/controlnet";
    case Target::kFull:
      break;
  }
  return "";
}

void add_spec(Metadata& m, const RunFacts& f) {
  m["modelspec.sai_model_spec"] = "1.0.1";
  m["modelspec.architecture"] = f.architecture + std::string(kind_of(f.target));
  m["modelspec.implementation"] = "diffusers";
  m["modelspec.title"] = f.title.empty() ? f.output_name : f.title;
  m["modelspec.resolution"] = fmt::format("{}x{}", f.resolution.width, f.resolution.height);
  if (f.finished_at > 0) {
    m["modelspec.date"] =
        fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(f.finished_at)));
  }
  m["modelspec.prediction_type"] = f.v_prediction ? "v" : "epsilon";
  m["modelspec.encoder_layer"] = std::to_string(f.clip_skip);
  if (f.first_time > 0 || f.last_time < 1) {
    m["modelspec.timestep_range"] =
        fmt::format("{},{}", std::lround(1000 * f.first_time), std::lround(1000 * f.last_time));
  }
  if (!f.trigger.empty()) m["modelspec.trigger_phrase"] = f.trigger;
}

void add_network(Metadata& m, const RunFacts& f) {
  m["ss_network_module"] = f.network_module;
  m["ss_network_dim"] = std::to_string(f.rank);
  m["ss_network_alpha"] = text(f.alpha);
  m["ss_network_args"] = Json(f.network_args).dump();
}

void add_base(Metadata& m, const RunFacts& f) {
  m["ss_base_model_version"] = f.base_model_version;
  m["ss_v2"] = "False";
  m["ss_sd_model_name"] = f.base_file;
  if (!f.base_legacy_hash.empty()) m["ss_sd_model_hash"] = f.base_legacy_hash;
  if (!f.base_sha256.empty()) m["ss_new_sd_model_hash"] = f.base_sha256;
}

void add_run(Metadata& m, const RunFacts& f) {
  if (!f.session_id.empty()) m["ss_session_id"] = f.session_id;
  m["ss_output_name"] = f.output_name;
  // Without times, the same run writes the same file.
  if (f.started_at > 0) m["ss_training_started_at"] = text(f.started_at);
  if (f.finished_at > 0) m["ss_training_finished_at"] = text(f.finished_at);
  m["ss_learning_rate"] = text(f.learning_rate);
  m["ss_unet_lr"] = text(f.denoiser_rate);
  m["ss_text_encoder_lr"] = text(f.text_encoder_rate);
  m["ss_optimizer"] = f.optimizer;
  m["ss_lr_scheduler"] = f.scheduler;
  m["ss_lr_warmup_steps"] = std::to_string(f.warmup_steps);
  m["ss_max_grad_norm"] = text(f.clip_norm);
  if (f.checkpointing) m["ss_gradient_checkpointing"] = text(*f.checkpointing);
  m["ss_gradient_accumulation_steps"] = std::to_string(f.accumulation);
  m["ss_steps"] = std::to_string(f.steps);
  m["ss_max_train_steps"] = std::to_string(f.most_steps);
  m["ss_epoch"] = std::to_string(f.epoch);
  m["ss_num_epochs"] = std::to_string(f.epochs);
  m["ss_num_batches_per_epoch"] = std::to_string(f.batches_per_epoch);
  m["ss_mixed_precision"] = f.mixed_precision;
  m["ss_seed"] = std::to_string(f.seed);
  m["ss_clip_skip"] = std::to_string(f.clip_skip);
  m["ss_noise_offset"] = or_none(f.noise_offset);
  m["ss_min_snr_gamma"] = or_none(f.min_snr_gamma);
  m["ss_zero_terminal_snr"] = text(f.zero_terminal_snr);
  m["ss_caption_dropout_rate"] = text(f.caption_dropout);
  m["ss_cache_latents"] = "True";
}

void add_data(Metadata& m, const RunFacts& f, const Dataset& data, const std::map<Size, int>& buckets) {
  // As they are asked for, even where the run shows regularisation pictures more or less often.
  int shown = 0, regularising = 0;
  for (const TrainingPicture& picture : data.pictures)
    (data.regularises(picture) ? regularising : shown) += picture.repeats;
  m["ss_num_train_images"] = std::to_string(shown);
  m["ss_num_reg_images"] = std::to_string(regularising);
  m["ss_prior_loss_weight"] = text(f.prior_weight);
  if (f.preserve) m["danqing.preserve"] = text(true);
  m["ss_batch_size_per_device"] = std::to_string(f.batch_size);
  m["ss_total_batch_size"] = std::to_string(f.batch_size);
  m["ss_resolution"] = fmt::format("({}, {})", f.resolution.width, f.resolution.height);
  m["ss_enable_bucket"] = "True";
  m["ss_bucket_no_upscale"] = "False";
  m["ss_bucket_info"] = bucket_info(buckets).dump();
  m["ss_flip_aug"] = text(f.flip);
  m["ss_random_crop"] = text(f.random_crop);
  m["ss_shuffle_caption"] = text(f.shuffle_caption);
  m["ss_keep_tokens"] = std::to_string(f.keep_tokens);
  m["ss_dataset_dirs"] = dataset_folders(data, false).dump();
  m["ss_reg_dataset_dirs"] = dataset_folders(data, true).dump();
  m["ss_tag_frequency"] = tag_frequency(data).dump();
}

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k)
      word = word << 8 | (k < have ? static_cast<std::uint32_t>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k) out += k <= have ? kDigits[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace

Metadata run_metadata(const RunFacts& facts, const Dataset& data, const std::map<Size, int>& buckets) {
  Metadata out;
  add_spec(out, facts);
  if (facts.target == Target::kFull) return out;
  if (facts.target == Target::kLora) add_network(out, facts);
  add_base(out, facts);
  add_run(out, facts);
  add_data(out, facts, data, buckets);
  return out;
}

// Both hashes are over the file as sd-scripts would have written it before they were known: the data alone,
// and, for the old one, the bytes [1 MiB, 1 MiB + 64 KiB) of a file with the ss_* entries as its only
// metadata.
void add_hashes(Metadata& metadata, const std::vector<files::TensorToWrite>& tensors) {
  Metadata own;
  for (const auto& [key, value] : metadata) {
    if (key.starts_with("ss_")) own[key] = value;
  }
  constexpr std::uint64_t kFirst = 0x100000, kLast = 0x110000;
  Sha256 data, part;
  std::uint64_t at = 0;
  const auto add_part = [&](Bytes bytes) {
    const std::uint64_t begin = std::clamp(kFirst, at, at + bytes.size()) - at;
    const std::uint64_t end = std::clamp(kLast, at, at + bytes.size()) - at;
    part.update(bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
    at += bytes.size();
  };
  const std::string header = files::safetensors_header(tensors, own);
  add_part(std::as_bytes(std::span(header)));
  for (const files::TensorToWrite* tensor : files::layout_order(tensors)) {
    tensor->produce([&](Bytes bytes) {
      data.update(bytes);
      add_part(bytes);
    });
  }
  metadata["sshs_model_hash"] = data.finish_hex();
  metadata["sshs_legacy_hash"] = part.finish_hex().substr(0, 8);
}

void add_thumbnail(Metadata& metadata, const media::Image& picture) {
  const int longer = std::max(picture.width, picture.height);
  media::Image small = media::flatten(picture);
  if (longer > 256) {
    const auto scaled = [&](int side) { return std::max(1, side * 256 / longer); };
    small = media::resize(small, scaled(picture.width), scaled(picture.height), media::ResizeFilter::kArea);
  }
  const std::vector<std::byte> jpeg = media::encode_image(
      small, {.format = media::ImageFormat::kJpeg, .quality = 85, .lossless = false, .texts = {}});
  metadata["modelspec.thumbnail"] = "data:image/jpeg;base64," + base64(jpeg);
}

void put_thumbnail(const std::filesystem::path& file, const media::Image& picture) {
  const auto source = files::open_weights(file);
  Metadata metadata = source->metadata();
  add_thumbnail(metadata, picture);
  std::vector<files::TensorToWrite> tensors;
  for (const files::TensorEntry& entry : source->tensors()) {
    tensors.push_back({entry.name, entry.dtype, entry.shape, [source, &entry](const files::ByteSink& sink) {
                         sink(entry.file->bytes().subspan(static_cast<std::size_t>(entry.offset),
                                                          static_cast<std::size_t>(entry.bytes)));
                       }});
  }
  files::write_safetensors(file, std::move(tensors), metadata);
}

}  // namespace dq::train
