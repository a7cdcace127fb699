#pragma once
// What is this weight file? Answered from the names, shapes and types of its tensors, and from what its
// metadata says about training; never from the name of the file. The knowledge is data:
// src/models/recognised/.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weights/tensor_table.h"

namespace dq::models {

// What a file is used as. The words of to_string are stable.
enum class Role : std::uint8_t {
  kUnknown,
  kCheckpoint,  // a denoiser with its VAE or text encoders
  kDenoiser,    // a U-Net or transformer alone
  kVae,
  kPreviewVae,  // a small VAE for previews (TAESD)
  kTextEncoder,
  kImageEncoder,  // CLIP vision, SigLIP
  kAdapter,       // LoRA and its relatives
  kEmbedding,     // textual inversion
  kHypernetwork,
  kControlNet,
  kT2iAdapter,
  kIpAdapter,
  kStyleModel,  // image prompts as text tokens (Redux, style adapters)
  kMotionModule,
  kInpaintPatch,
  kUpscaler,
  kPreprocessor,  // control-image annotators, segmenters, face restorers
};
std::string_view to_string(Role role);  // "checkpoint", "denoiser", "vae" …
std::string_view title(Role role);      // for people: "LoRA", "ControlNet" …

struct DTypeShare {
  DType dtype{};
  std::size_t tensors = 0;
  std::uint64_t elements = 0;
};

// One component that the file holds.
struct Part {
  std::string kind;    // "denoiser", "text encoder", "VAE", "image encoder", "EMA copy", "other"
  std::string title;   // "CLIP-L text encoder"
  std::string prefix;  // where its tensors stand: "first_stage_model."
  std::size_t tensors = 0;
  std::uint64_t parameters = 0;    // schedules, position ids and scales not counted
  std::vector<DTypeShare> dtypes;  // by parameters, largest first
};

// A LoRA or one of its relatives.
struct AdapterFacts {
  std::string algorithm;  // "LoRA", "LoCon", "LoHa", "LoKr", "OFT", "BOFT", "IA3", "GLoRA", "full difference"
  bool dora = false;      // magnitudes trained as well (Liu et al. 2024)
  std::size_t denoiser_modules = 0, text_modules = 0;
  std::int64_t rank_min = 0, rank_max = 0;  // 0: the kind has none
  std::optional<double> alpha;              // of the first module that stores one
  std::string naming;                       // "kohya", "diffusers", "ComfyUI" …
};

// What the metadata tells about training (kohya's ss_* keys, modelspec.*).
struct TrainingFacts {
  std::string base_model;  // as written: "sdxl_base_v1-0"
  std::string title;
  std::vector<std::string> trigger_words;                   // modelspec.trigger_phrase
  std::vector<std::pair<std::string, std::uint64_t>> tags;  // the most frequent captions' tags
  std::map<std::string, std::string> facts;                 // "steps", "epochs", "images", "resolution", …
};

struct Recognition {
  std::string ecosystem;        // stable id: "sdxl"; "shared" when several use it; "" when unknown
  std::string ecosystem_title;  // "Stable Diffusion XL"
  Role role = Role::kUnknown;
  std::string variant;  // "inpainting"; empty for the plain one
  std::string note;     // what names and shapes cannot tell
  std::string layout;   // "original", "diffusers", "original, bare" …

  std::string prediction = "unknown";  // "eps", "v", "flow", "edm", "unknown"
  bool prediction_certain = false;
  std::string prediction_why;

  std::vector<Part> parts;
  std::vector<DTypeShare> dtypes;  // of the whole file, largest first
  std::uint64_t parameters = 0;    // of the whole file, without the EMA copy and leftovers of training
  std::size_t tensors = 0;
  std::string storage;  // quantised forms: "8-bit floats with a scale a matrix"

  std::optional<AdapterFacts> adapter;
  std::optional<TrainingFacts> training;

  std::vector<std::string> evidence;      // the tensors that decided, in words
  std::vector<std::string> fits;          // what it works with
  std::vector<std::string> does_not_fit;  // and what not, with the reason
  bool supported = false;                 // can this Danqing use it?
  std::string support_note;               // the same as a sentence
};

// Never throws on odd tables: what is not understood comes back as Role::kUnknown with a helpful note. Reads
// no tensor's numbers but a vector of 320 (which tells ε from v in one family) and a few single numbers (an
// adapter's alpha).
Recognition recognise(const weights::TensorTable& table, const std::map<std::string, std::string>& metadata);

}  // namespace dq::models
