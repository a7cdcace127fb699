#pragma once
// What a model family is: how to recognise it from names and shapes, what it consists of, how it is sampled,
// what it likes. One folder a family fills one Family; models/registry.cpp lists them. No file outside
// src/models/ names a family: everything else asks this table.
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/prompt.h"
#include "weights/component_set.h"
#include "weights/packed_bytes.h"
#include "weights/parameter.h"

namespace dq::models {

// What the network's output means (k-diffusion's view: x = x0 + σ·ε).
enum class Prediction : std::uint8_t { kEps, kV, kFlow };

// The noise levels that a model was trained on, as data.
struct TrainingSchedule {
  // Variance preserving, "scaled linear": β_i = linspace(√beta_start, √beta_end, steps)² (Rombach et al.
  // 2022).
  double beta_start = 0.00085, beta_end = 0.012;
  int steps = 1000;
  bool zero_terminal_snr = false;  // rescaled so that the last step is pure noise (Lin et al. 2023)
  double flow_shift = 1;           // rectified flow only
};

// How the denoiser's latent relates to the VAE's: model = (vae − shift)·scale.
struct LatentFormat {
  int channels = 4;
  int downscale = 8;  // pixels a latent cell covers, along one side
  float scale = 1, shift = 0;
  // What a denoiser that also takes the masked picture (2·channels + 1 inputs) is given when there is none:
  // the latent of a gray picture in model space, a number a channel.
  std::vector<float> gray;
  // A cheap preview: rgb in [−1, 1] = Σ_c latent[c]·rows[c] + bias.
  std::vector<std::array<float, 3>> preview_rows;
  std::array<float, 3> preview_bias{};
};

// The settings a person gets who asks for none.
struct Defaults {
  int width = 512, height = 512, steps = 20;
  double guidance = 7;
  std::string sampler = "euler", scheduler = "normal";
  int clip_skip = 1;
};

// What detection found, from names and shapes alone.
struct Variant {
  std::string family;  // Family::id
  std::string name;    // "inpainting"; empty for the plain one
  Prediction prediction = Prediction::kEps;
  bool prediction_certain = true;  // false: the file cannot tell, a person may override it
  TrainingSchedule schedule;
  int in_channels = 4;  // of the denoiser's first layer
  int native_size = 0;  // pixels of a side, when the file states it; 0: the family's
};

// What the text encoder made of one prompt.
struct Conditioning {
  Tensor context;                     // [1, T, D]
  Tensor pooled;                      // [1, P]; undefined when the family has none
  std::vector<std::string> warnings;  // about the prompt: finished sentences for the person
};

// Runs one block of a network. A trainer gives one that keeps only the block's inputs (grad/checkpoint.h).
using Block = std::function<Tensor(const std::vector<Tensor>& inputs)>;
using BlockRunner = std::function<Tensor(const Block& block, std::vector<Tensor> inputs)>;

class ControlNet;  // models/control.h

// A control net at work in one denoiser call.
struct Control {
  const ControlNet* net = nullptr;
  Tensor hint;  // what the net's encode made of its picture: one row for all of x, or one each
  double strength = 1;
};

// Extra inputs of one denoiser call.
struct DenoiserInput {
  Tensor x;                       // [N, C, h, w] f32, already multiplied by c_in
  std::vector<double> timesteps;  // as the network was trained: 0 … 999, may be fractional; one for all, or N
  Tensor context;                 // [N, T, D]
  Tensor pooled;                  // [N, P] or undefined
  Tensor concat;                  // [N, C2, h, w]: joined to x on channels (inpainting); undefined otherwise
  std::span<const Control> controls;    // outlives the call
  const BlockRunner* around = nullptr;  // null: blocks just run
};

// One loaded denoiser. Called once a step; keeps no state between calls.
class Denoiser {
 public:
  virtual ~Denoiser() = default;
  virtual Tensor operator()(const DenoiserInput& input) const = 0;  // [N, C, h, w] f32
  virtual const weights::Parameters& parameters() const { return weights::no_parameters(); }
};

// Latents here are the VAE's own, before LatentFormat is applied.
class Vae {
 public:
  virtual ~Vae() = default;
  // image: [N, 8h, 8w, 3] in [−1, 1] → the mean of the posterior, [N, C, h, w].
  virtual Tensor encode(const Tensor& image) const = 0;
  // latent: [N, C, h, w] → [N, 8h, 8w, 3], about [−1, 1], not clamped.
  virtual Tensor decode(const Tensor& latent) const = 0;
  // Bytes that activations need at the peak of one decode / encode of h×w latent cells, batch 1.
  virtual std::int64_t decode_bytes(std::int64_t h, std::int64_t w) const = 0;
  virtual std::int64_t encode_bytes(std::int64_t h, std::int64_t w) const = 0;
  virtual const weights::Parameters& parameters() const { return weights::no_parameters(); }
};

// A textual-inversion embedding: its vectors by the encoder they are for ("clip_l", …), each [n, D] f32.
struct LearnedWord {
  std::map<std::string, Tensor> vectors;
};

class TextEncoder {
 public:
  virtual ~TextEncoder() = default;
  // Encodes a parsed prompt in as many windows as it takes. `clip_skip` n takes the n-th last hidden state.
  virtual Conditioning operator()(const text::PromptOptions& options, std::string_view prompt,
                                  const std::map<std::string, LearnedWord>& words, int clip_skip) const = 0;
  // Captions as they stand, without weights, in one pass: context [N, T, D]. Shorter ones are filled up with
  // windows that say nothing. `words` take the places where their names stand by themselves; the others are
  // passed over. Gradients reach parameters that are trained, and the vectors of words.
  virtual Conditioning captions(std::span<const std::string> texts, int clip_skip,
                                const std::map<std::string, LearnedWord>& words = {}) const = 0;
  // The embeddings of a text's tokens, as a word that has learned nothing yet; without vectors when this
  // encoder takes no learned words. Throws kInvalidArgument when the vocabulary has nothing for the text, or
  // for a part of it.
  virtual LearnedWord word_of(std::string_view) const { return {}; }
  virtual const weights::Parameters& parameters() const { return weights::no_parameters(); }
};

// The size of one denoiser call.
struct StepShape {
  std::int64_t images = 1;    // rows of the batch: two for each picture under guidance
  std::int64_t h = 0, w = 0;  // latent cells
  std::int64_t tokens = 77;   // of the text, a row
  int control_nets = 0;       // at work beside the denoiser
};

// What a model takes, told from names and shapes before anything is loaded.
struct Footprint {
  // Bytes of each part as it lies in memory when loaded for painting; 0 for one that the files lack.
  std::int64_t denoiser = 0, vae = 0, text_encoder = 0;
  weights::MatrixBytes denoiser_matrices;  // of these, what need not stay in memory
  int text_layers = 0;                     // how far back clip_skip may go; 0 when not known
  // Bytes of the denoiser's activations at the peak of one call, those of control nets included.
  std::function<std::int64_t(const StepShape&)> step_bytes;
};

// The same of a control net.
struct ControlFootprint {
  std::int64_t weights = 0;  // bytes, when loaded for painting
  std::int64_t numbers = 0;  // that they are
  // Bytes of activations at the peak of encoding a picture of so many pixels.
  std::int64_t encode_bytes_per_pixel = 0;
};

// What the metadata of files made for a family calls it: ModelSpec's architecture, and sd-scripts' version of
// the base.
struct MetadataNames {
  std::string architecture, base_version;
};

// Whose names an adapter file uses for modules: sd-scripts' ("lora_unet_down_blocks_0_attentions_0_proj_in"),
// diffusers' ("unet.down_blocks.0.attentions.0.proj_in"), or those of the original checkpoint as ComfyUI
// writes them ("diffusion_model.input_blocks.1.1.proj_in").
enum class AdapterNames : std::uint8_t { kSdScripts, kDiffusers, kComfy };

enum class ModelPart : std::uint8_t { kDenoiser, kTextEncoder, kVae };

// One part of a model as its tensors are stored: canonical names, and what stands before them in the one-file
// layout that most programs read ("model.diffusion_model.").
struct StoredPart {
  ModelPart part{};
  std::string prefix;
  weights::TensorTable table;
  std::map<std::string, std::string> texts;  // what a file's metadata must say besides (a tokenizer's merges)
};

class Family {
 public:
  virtual ~Family() = default;
  virtual std::string_view id() const = 0;     // stable, for files and code: "sd1"
  virtual std::string_view title() const = 0;  // for people: "Stable Diffusion 1.x"

  // Does this table of tensors hold a denoiser of ours? Names and shapes only.
  virtual std::optional<Variant> detect(const weights::TensorTable& table) const = 0;
  virtual LatentFormat latent_format() const = 0;
  virtual Defaults defaults(const Variant& variant) const = 0;
  virtual Footprint footprint(const weights::ComponentSet& files, Precision precision) const = 0;

  virtual MetadataNames metadata_names(const Variant& variant) const = 0;
  // What adapter files call the module of a parameter; empty where adapters have no name for it. `parameter`
  // is canonical, with its ".weight".
  virtual std::string adapter_module(ModelPart part, std::string_view parameter,
                                     AdapterNames names) const = 0;

  // Every part that the files hold, as it goes into a checkpoint of one file.
  virtual std::vector<StoredPart> stored_parts(const weights::ComponentSet& files) const = 0;
  // Does a parameter (canonical) of a part that is trained from nothing begin as 0, so that its layer adds
  // nothing at first?
  virtual bool starts_at_zero(ModelPart part, std::string_view parameter) const = 0;

  // Builds one part from whatever holds it. Missing, extra and misshapen tensors are errors naming the first
  // five.
  using Purpose = weights::Purpose;
  virtual std::unique_ptr<Denoiser> load_denoiser(const weights::ComponentSet& files, const Variant&, Device&,
                                                  const weights::LoadOptions& = {}) const = 0;
  virtual std::unique_ptr<Vae> load_vae(const weights::ComponentSet& files, Device&,
                                        Purpose = Purpose::kPaint) const = 0;
  virtual std::unique_ptr<TextEncoder> load_text_encoder(const weights::ComponentSet& files, Device&,
                                                         Purpose = Purpose::kPaint) const = 0;

  // Control nets come in files of their own, in any layout. Both throw kUnsupported for a file that holds
  // none, or one for a denoiser of other widths than the model's. An empty table stands for a new one.
  virtual ControlFootprint control_footprint(const weights::TensorTable& file,
                                             const weights::ComponentSet& model, Precision) const = 0;
  // One to be trained that adds nothing yet: the model's own way in, with a fresh reader of pictures.
  virtual std::unique_ptr<ControlNet> new_control_net(const weights::ComponentSet& model, std::uint64_t seed,
                                                      Device&) const = 0;
  // What files call a parameter of a control net (canonical); empty for one that is none.
  virtual std::string control_name(std::string_view parameter, AdapterNames names) const = 0;
  virtual std::unique_ptr<ControlNet> load_control_net(const weights::TensorTable& file,
                                                       const weights::ComponentSet& model, Device&,
                                                       Purpose = Purpose::kPaint) const = 0;
};

// Every family, in the order in which they are asked.
std::span<const Family* const> families();
const Family* find_family(std::string_view id);  // null when there is none

}  // namespace dq::models
