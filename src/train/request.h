#pragma once
// Everything that determines a training run, in one plain struct. The same request over the same pictures
// gives the same file on the same machine.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/captions.h"
#include "train/objective.h"
#include "weights/adapters/kinds.h"

namespace dq::train {

// What is learned.
enum class Target : std::uint8_t {
  kLora,        // an adapter beside frozen weights
  kFull,        // every weight of the denoiser, into a new checkpoint
  kControlNet,  // a control net beside the whole model, which stays as it is
  kEmbedding,   // the vectors of a word (textual inversion); the whole model stays as it is
};

// Do blocks run again on the way back, instead of keeping what they need? Slower, for much less memory; the
// numbers are the same.
enum class Checkpointing : std::uint8_t { kAuto, kAlways, kNever };  // kAuto: when the memory is not there

struct NetworkOptions {
  weights::AdapterKind kind = weights::AdapterKind::kLora;
  models::AdapterNames names = models::AdapterNames::kSdScripts;  // in the file
  int rank = 0;                                                   // 0: from the number of pictures
  double alpha = 0;   // 0: the rank, so that a rate suits every rank
  int conv_rank = 0;  // of 3×3 convolutions; 0: they stay as they are
};

struct EmbeddingOptions {
  int vectors = 4;        // 1 … 75: as many tokens as a window of the prompt holds
  std::string initial;    // words whose embeddings they begin as; empty: `resolve` chooses
  bool style = false;     // it is a style: for pictures without captions, and for `initial`
  bool keep_norm = true;  // the vectors keep the length that they began with
};

// 0: by the resolution.
struct BucketOptions {
  int smallest = 0, largest = 0, step = 0;
  bool upscale = true;
};

struct TrainRequest {
  std::string base, vae, text_encoder;  // files, as for painting
  std::string folder, output;           // pictures in; the file that is written
  std::string regularisation;           // pictures of the class that the subject is of; empty: none
  double prior_weight = 1;              // of their loss
  // kLora: what the base says of regularisation pictures is their target, not what they show; without such
  // pictures, what it says of every picture when its caption names the class instead of the trigger.
  bool preserve = false;
  // kControlNet: the control pictures, each named as the picture that it is for; and the control net to begin
  // with, empty: a fresh one.
  std::string conditioning, control_start;
  std::string trigger;  // kEmbedding: the word that the vectors stand for
  Target target = Target::kLora;
  NetworkOptions network;
  EmbeddingOptions embedding;
  bool from_scratch = false;       // kFull: begin from fresh weights in the shapes of the base; its VAE stays
  bool keep_text_encoder = false;  // … and a text encoder that is trained begins as the base has it

  // 0 or empty: `resolve` fills them in.
  int resolution = 0;  // a side of the square whose area buckets have
  BucketOptions buckets;
  int steps = 0, batch = 0;
  int warmup = -1;
  bool train_text_encoder = false;
  double rate = 0, text_rate = 0;
  double last_rate = -1;  // the share of the rate that a falling schedule ends with; −1: `resolve`
  int decay_steps = 0;    // steps at the end over which a constant rate falls to that share
  std::string optimizer, schedule;
  std::map<std::string, double> optimizer_options;  // by the names of grad/optimizer.h: {"beta2", 0.99}

  int accumulation = 1;
  double clip = 1;     // of the gradient's norm; 0: none
  double average = 0;  // decay of the weights' moving average; 0: none
  // Weights hold only numbers that bf16 has, rounded up or down by chance after every step
  // (grad/stochastic_rounding.h), and are written so.
  bool bf16_weights = false;
  ObjectiveOptions objective;
  // Instead of what the base's file tells; a whole model may be taught another one.
  std::optional<models::Prediction> prediction;
  bool zero_terminal_snr = false;  // with `prediction`
  CaptionRule captions;
  bool flip = false;
  int crops = 1;  // ways in which a picture is cut: the middle, the others jittered (buckets.h)
  int clip_skip = 1;
  std::uint64_t seed = 0;
  Checkpointing checkpointing = Checkpointing::kAuto;

  std::vector<std::string>
      samples;                 // prompts of sample pictures; the trainer thinks of one when there is none
  std::string sample_control;  // kControlNet: the control picture of sample pictures; empty: the first
  bool paint_samples = true;
  int sample_steps = 20;
  int save_every = 250;  // steps between savings of the run's state
  int keep_every = -1;   // steps between files that are kept beside the last one; 0: none; −1: `resolve`
  bool keep_all_pictures = false;
};

// What `resolve` goes by.
struct TrainingFacts {
  std::size_t pictures = 0;  // without those of regularisation
  int native_size = 512;     // of the base
  models::Prediction prediction = models::Prediction::kEps;
  std::string class_words = {};  // what the pictures' folder says they show
  std::size_t regularising = 0;  // pictures
};

// Do gradients go through the text encoder, so that captions are encoded at every step?
bool learns_through_text(const TrainRequest& request);

// Fills every default by the number of pictures and checks every range. Rates and steps after public recipes:
// see docs/training.md. Throws kInvalidArgument naming the option and its range, or what is wrong with the
// word of an embedding.
TrainRequest resolve(TrainRequest request, const TrainingFacts& facts);

// A line a setting, for comparing runs; what does not change the result is left out.
std::string to_text(const TrainRequest& request);

}  // namespace dq::train
