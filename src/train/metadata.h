#pragma once
// The texts that a trained file carries: sd-scripts' ss_*, its two hashes, and Stability AI's
// ModelSpec 1.0.1. Programs read the family, the rank, the trigger and the tags from them. All values are
// strings; True, False and None are written as Python writes them.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "files/safetensors_write.h"
#include "media/image.h"
#include "train/dataset.h"
#include "train/request.h"

namespace dq::train {

using Metadata = std::map<std::string, std::string>;

// What a run was, as far as its file says it.
struct RunFacts {
  std::string output_name, title;
  std::string architecture;        // "stable-diffusion-v1"
  std::string base_model_version;  // "sd_v1"
  std::string base_file;           // the base's file name
  std::string base_sha256, base_legacy_hash;
  bool v_prediction = false;
  Target target = Target::kLora;
  std::string network_module = "networks.lora";
  int rank = 0;
  double alpha = 0;
  std::map<std::string, std::string> network_args;
  double learning_rate = 0;
  std::optional<double> denoiser_rate, text_encoder_rate;
  std::string optimizer, scheduler;
  int warmup_steps = 0;
  int batch_size = 1, accumulation = 1;
  std::int64_t steps = 0, most_steps = 0;
  int epoch = 0, epochs = 0;
  std::int64_t batches_per_epoch = 0;
  std::uint64_t seed = 0;
  int clip_skip = 1;
  Size resolution{512, 512};
  double first_time = 0, last_time = 1;  // the share of the noise levels that was learned
  double noise_offset = 0, min_snr_gamma = 0, caption_dropout = 0, clip_norm = 1;
  std::optional<bool> checkpointing;
  bool flip = false, random_crop = false, shuffle_caption = false, zero_terminal_snr = false;
  int keep_tokens = 0;
  std::string mixed_precision = "no";
  double prior_weight = 1;  // of regularisation pictures
  bool preserve = false;    // the model's own answers were their targets
  std::string trigger;
  double started_at = 0, finished_at = 0;  // seconds since 1970
  std::string session_id;
};

// Everything but the hashes and the thumbnail. A checkpoint says only what ModelSpec asks of it, as
// sd-scripts has it; an embedding names no network, for programs know LoRAs by that.
Metadata run_metadata(const RunFacts& facts, const Dataset& data, const std::map<Size, int>& buckets);

// "sshs_model_hash" and "sshs_legacy_hash" of these tensors; the second covers the ss_* entries of `metadata`
// too.
void add_hashes(Metadata& metadata, const std::vector<files::TensorToWrite>& tensors);

// "modelspec.thumbnail": a JPEG of at most 256×256 as a data URL.
void add_thumbnail(Metadata& metadata, const media::Image& picture);
// The same in a safetensors file that is there already; its tensors stay as they are.
void put_thumbnail(const std::filesystem::path& file, const media::Image& picture);

}  // namespace dq::train
