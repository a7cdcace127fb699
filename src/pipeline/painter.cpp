#include "pipeline/painter.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <utility>

#include "media/resize.h"
#include "ops/elementwise.h"
#include "pipeline/built_in.h"
#include "pipeline/controls.h"
#include "pipeline/denoising_pass.h"
#include "pipeline/hash_cache.h"
#include "pipeline/known_words.h"
#include "pipeline/learned_words.h"
#include "pipeline/memory_budget.h"
#include "pipeline/memory_plan.h"
#include "pipeline/model_files.h"
#include "pipeline/picture_inputs.h"
#include "pipeline/stated_defaults.h"
#include "pipeline/stated_preview.h"
#include "pipeline/vae_tiling.h"
#include "sampling/preview.h"
#include "sampling/schedulers.h"

namespace dq::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

// Everything that open_model looks at.
std::string model_key(const Request& r) {
  const int prediction = r.prediction ? static_cast<int>(*r.prediction) : -1;
  return fmt::format("{}\n{}\n{}\n{} {}", r.model, r.vae, r.text_encoder, prediction, r.zero_terminal_snr);
}

std::string loras_key(const Request& r) {
  std::string key;
  for (const LoraUse& use : r.loras) key += fmt::format("\n{} {}", use.strength, use.file);
  return key;
}

sampling::NoiseOptions noise_options(const Request& r) {
  return r.noise_per_image ? sampling::NoiseOptions::by_image(r.seed, r.noise)
                           : sampling::NoiseOptions::whole_batch(r.seed, r.noise);
}

}  // namespace

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kReading:
      return "reading the files";
    case Stage::kEncodingText:
      return "reading the prompt";
    case Stage::kEncodingImage:
      return "encoding the picture";
    case Stage::kLoading:
      return "loading the model";
    case Stage::kSampling:
      return "painting";
    case Stage::kDecoding:
      return "developing the picture";
  }
  return "";
}

class Painter::Impl {
 public:
  Impl(Device& device, PainterOptions options)
      : device_(device), options_(std::move(options)), controls_(device) {
    const std::int64_t available = available_memory();
    budget_ = options_.memory > 0 ? MemoryBudget{options_.memory, options_.memory, true}
                                  : MemoryBudget{available / 10 * 8, available, false};
  }

  Painting paint(Request request);

 private:
  struct Texts {
    models::Conditioning prompt, negative;
  };

  static std::int64_t tokens_of(const Texts& texts) {
    const std::int64_t without = texts.negative.context.defined() ? texts.negative.context.dim(1) : 0;
    return std::max(texts.prompt.context.dim(1), without);
  }
  void stage(Stage stage) const;
  void check_cancelled() const;
  void open(const Request& request);
  Texts encode_texts(const Request& request) const;
  const models::Denoiser& denoiser(const Request& request);
  void hang_loras(const Request& request, models::ModelPart part,
                  const weights::Parameters& parameters) const;
  const models::Vae& vae();
  std::int64_t activation_budget() const { return budget_.wanted - device_.memory().now; }
  void check_clip_skip(const Request& request) const;
  void plan(const Request& request, std::int64_t tokens);
  Tensor encode_image(const Tensor& image);
  Tensor concat_input(const Request& request, const PictureInputs& inputs, std::int64_t h, std::int64_t w);
  Tensor first_pass(const Request& request, const Texts& texts, const PictureInputs& inputs,
                    const sampling::SigmaTable& table, sampling::SeededNoise& noise);
  Tensor second_pass(const Request& request, const Texts& texts, const PictureInputs& inputs,
                     const Tensor& latent, const sampling::SigmaTable& table);
  Tensor upscaled(const Request& request, const Tensor& latent, int width, int height);
  DenoisingPass make_pass(const Request& request, const Texts& texts, const sampling::SigmaTable& table,
                          int steps, double denoise);
  std::function<void(const sampling::StepInfo&)> step_reporter();
  std::vector<media::Image> decode(const Tensor& latent);

  Device& device_;
  PainterOptions options_;
  MemoryBudget budget_;
  std::string open_key_;
  std::string loras_key_;  // of those that hang on the denoiser
  OpenModel model_;
  models::Footprint footprint_;
  std::int64_t halved_denoiser_ = 0;  // its weights in 16 bits
  MemoryPlan plan_;
  std::int64_t denoiser_streams_ = 0;  // of its weights, as it is loaded
  std::unique_ptr<models::Denoiser> denoiser_;
  std::optional<RowsAtATime> few_rows_;  // of denoiser_
  Controls controls_;
  std::unique_ptr<models::Vae> vae_;
  std::string texts_key_;
  Texts texts_;
  // For the progress of one picture.
  int steps_done_ = 0, steps_total_ = 0;
  Clock::time_point last_step_;
  double seconds_per_step_ = 0;
};

void Painter::Impl::check_cancelled() const {
  if (options_.cancelled && options_.cancelled()) throw Error(ErrorCode::kCancelled, "stopped");
}

void Painter::Impl::stage(Stage stage) const {
  check_cancelled();
  if (options_.on_progress) options_.on_progress({.stage = stage, .step = 0, .steps = 0, .preview = {}});
}

void Painter::Impl::open(const Request& request) {
  const std::string key = model_key(request);
  if (key == open_key_) return;
  stage(Stage::kReading);
  denoiser_.reset();
  vae_.reset();
  controls_.clear();
  device_.trim();
  texts_key_.clear();
  open_key_.clear();
  plan_ = {};
  model_ = open_model(request);
  open_key_ = key;
  footprint_ = model_.family->footprint(model_.files, device_.precision());
  halved_denoiser_ = model_.family->footprint(model_.files, Precision::kBF16).denoiser;
  const models::LatentFormat format = model_.family->latent_format();
  const int in = model_.variant.in_channels;
  if (in != format.channels && in != 2 * format.channels + 1) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} models that take {} channels are not supported yet",
                                                     model_.family->title(), in))
        .in(request.model);
  }
}

void Painter::Impl::check_clip_skip(const Request& request) const {
  const int layers = footprint_.text_layers;
  if (layers == 0 || request.clip_skip <= layers) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("--clip-skip {} is too many: the text encoder has {} layers", request.clip_skip, layers));
}

Painter::Impl::Texts Painter::Impl::encode_texts(const Request& request) const {
  stage(Stage::kEncodingText);
  const auto encoder = model_.family->load_text_encoder(model_.files, device_);
  hang_loras(request, models::ModelPart::kTextEncoder, encoder->parameters());
  std::vector<std::filesystem::path> folders = embedding_folders(request.model);
  if (!options_.embeddings_folder.empty()) folders.insert(folders.begin(), options_.embeddings_folder);
  std::map<std::string, models::LearnedWord> words;
  if (!request.prompt.empty() || !request.negative_prompt.empty()) {
    const std::vector<std::string> written{request.prompt, request.negative_prompt};
    std::vector<std::string> passed_over;
    words = words_in(written, options_.embeddings, device_);
    words.merge(words_in(written, list_learned_words(folders), device_, &passed_over));
    for (const std::string& warning : passed_over) say(options_.log, LogLevel::kWarning, warning);
  }
  const text::PromptOptions options{.reading = request.reading, .normalise_mean = request.normalise_mean};
  Texts texts;
  texts.prompt = (*encoder)(options, request.prompt, words, request.clip_skip);
  if (request.guidance != 1)
    texts.negative = (*encoder)(options, request.negative_prompt, words, request.clip_skip);
  for (const auto* conditioning : {&texts.prompt, &texts.negative}) {
    for (const std::string& warning : conditioning->warnings) say(options_.log, LogLevel::kWarning, warning);
  }
  // What was learned beside the model may have taught it other words.
  if (words.empty() && request.loras.empty())
    advise_on_words(model_.files.main.texts(), request.prompt, options_.log);
  return texts;
}

// A LoRA may be for one part of the model only; that it fits none at all is told with the denoiser.
void Painter::Impl::hang_loras(const Request& request, models::ModelPart part,
                               const weights::Parameters& parameters) const {
  for (const LoraUse& use : request.loras) {
    const weights::TensorTable file = weights::open_table(use.file);
    const LoraFit fit = attach_lora(file, *model_.family, part, parameters, use.strength, device_);
    if (!fit.unmatched.empty()) {
      say(options_.log, LogLevel::kWarning,
          fmt::format("{} modules of {} have no layer in this model and are left out; the first is {}",
                      fit.unmatched.size(), printable(use.file), printable(fit.unmatched[0])));
    }
    if (part == models::ModelPart::kDenoiser && fit.modules == 0 && !fit.unmatched.empty()) {
      throw Error(ErrorCode::kUnsupported, fmt::format("this LoRA is not for {}", model_.family->title()))
          .in(use.file)
          .hint("`danqing inspect` tells which models it is for");
    }
  }
}

const models::Denoiser& Painter::Impl::denoiser(const Request& request) {
  if (denoiser_ && denoiser_streams_ < plan_.streamed) {
    few_rows_.reset();
    denoiser_.reset();
    device_.trim();
  }
  if (!denoiser_) {
    stage(Stage::kLoading);
    denoiser_ =
        model_.family->load_denoiser(model_.files, model_.variant, device_, plan_.load_options(footprint_));
    denoiser_streams_ = plan_.streamed;
    loras_key_.clear();
  }
  if (const std::string key = loras_key(request); key != loras_key_) {
    detach_all(denoiser_->parameters());
    loras_key_.clear();
    hang_loras(request, models::ModelPart::kDenoiser, denoiser_->parameters());
    loras_key_ = key;
  }
  few_rows_.emplace(*denoiser_, plan_.rows);
  return *few_rows_;
}

// Finds out whether the run fits and what it must do to fit, before anything large is loaded; once more when
// the length of the texts is known.
void Painter::Impl::plan(const Request& request, std::int64_t tokens) {
  const bool two_passes = request.guidance != 1 || sampling::find_sampler(request.sampler).needs_uncond;
  const RunShape run{.tokens = tokens,
                     .two_passes = two_passes,
                     .keep_denoiser = options_.keep_denoiser,
                     .vae_is_loaded = vae_ != nullptr,
                     .weights_are_f32 = footprint_.denoiser > halved_denoiser_,
                     .control = controls_.footprint(),
                     .control_nets = controls_.at_work()};
  const MemoryPlan before =
      std::exchange(plan_, plan_memory(request, footprint_, model_.family->latent_format(), run, budget_));
  const std::int64_t all = request.batch * (two_passes ? 2 : 1);
  if (plan_.rows < all && plan_.rows != before.rows) {
    say(options_.log, LogLevel::kInfo,
        fmt::format("to stay within memory, {} of the {} parts of a step are computed at a time", plan_.rows,
                    all));
  }
  if (plan_.streamed > 0 && before.streamed == 0) {
    say(options_.log, LogLevel::kInfo,
        fmt::format("to stay within memory, {} of the model's weights are read from the file at each step",
                    memory_text(plan_.streamed)));
  }
}

const models::Vae& Painter::Impl::vae() {
  if (!vae_) vae_ = model_.family->load_vae(model_.files, device_);
  return *vae_;
}

Tensor Painter::Impl::encode_image(const Tensor& image) {
  stage(Stage::kEncodingImage);
  const models::LatentFormat format = model_.family->latent_format();
  const Tensor latent = encode_within(vae(), image, format.downscale, activation_budget());
  const Tensor shift = Tensor::full(device_, latent.shape(), format.shift);
  return ops::combine(
      {{static_cast<double>(format.scale), &latent}, {static_cast<double>(-format.scale), &shift}});
}

// Models that take the masked picture beside the latent; undefined for all others.
Tensor Painter::Impl::concat_input(const Request& request, const PictureInputs& inputs, std::int64_t h,
                                   std::int64_t w) {
  const models::LatentFormat format = model_.family->latent_format();
  if (model_.variant.in_channels != 2 * format.channels + 1) return {};
  if (!inputs.image.defined() || !inputs.mask.defined()) {
    return inpaint_input_without_picture(device_, format, request.batch, h, w);
  }
  // Gray under the mask, on the picture itself: 0.5 in [0, 1] is 0 in [−1, 1].
  Tensor masked = ops::copied(inputs.image);
  for (std::int64_t i = 0; i < masked.count(); ++i) {
    masked.data<float>()[i] *= 1 - std::nearbyint(inputs.mask.data<float>()[i / 3]);
  }
  const Tensor mask = media::interpolate(inputs.mask, h, w, media::Interpolation::kBilinear);
  const Tensor one = inpaint_input(mask, encode_image(masked));
  const std::vector<Tensor> repeated(static_cast<std::size_t>(request.batch), one);
  return ops::concat(repeated, 0);
}

std::function<void(const sampling::StepInfo&)> Painter::Impl::step_reporter() {
  last_step_ = Clock::now();
  models::LatentFormat format = model_.family->latent_format();
  if (options_.previews) format = with_stated_preview(model_.files.main.texts(), std::move(format));
  return [this, format = std::move(format)](const sampling::StepInfo& info) {
    check_cancelled();
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_step_).count();
    last_step_ = now;
    seconds_per_step_ = seconds_per_step_ == 0 ? seconds : 0.7 * seconds_per_step_ + 0.3 * seconds;
    ++steps_done_;
    if (!options_.on_progress) return;
    Progress progress{.stage = Stage::kSampling,
                      .step = steps_done_,
                      .steps = steps_total_,
                      .seconds_per_step = seconds_per_step_,
                      .preview = {}};
    if (options_.previews) progress.preview = sampling::latent_preview(info.denoised, format);
    options_.on_progress(progress);
  };
}

DenoisingPass Painter::Impl::make_pass(const Request& request, const Texts& texts,
                                       const sampling::SigmaTable& table, int steps, double denoise) {
  const sampling::Sampler& sampler = sampling::find_sampler(request.sampler);
  DenoisingPass pass{.denoiser = denoiser(request),
                     .table = table,
                     .prediction = model_.variant.prediction,
                     .guidance = {.prompt = texts.prompt,
                                  .negative = texts.negative,
                                  .concat = {},
                                  .scale = request.guidance},
                     .sampler = &sampler,
                     .sigmas = {},
                     .options = {.eta = request.eta},
                     .latent = {},
                     .mask = {},
                     .on_step = step_reporter()};
  pass.sigmas = sampling::make_sigmas(
      sampling::find_scheduler(request.scheduler), table,
      {.steps = steps, .denoise = denoise, .drop_penultimate = sampler.drops_penultimate});
  return pass;
}

Tensor Painter::Impl::first_pass(const Request& request, const Texts& texts, const PictureInputs& inputs,
                                 const sampling::SigmaTable& table, sampling::SeededNoise& noise) {
  const models::LatentFormat format = model_.family->latent_format();
  const std::int64_t h = request.height / format.downscale, w = request.width / format.downscale;
  Tensor latent = Tensor::zeros(device_, DType::kF32, {request.batch, format.channels, h, w});
  if (inputs.image.defined()) {
    const std::vector<Tensor> repeated(static_cast<std::size_t>(request.batch), encode_image(inputs.image));
    latent = ops::concat(repeated, 0);
  }
  const Tensor concat = concat_input(request, inputs, h, w);
  DenoisingPass pass = make_pass(request, texts, table, request.steps, request.denoise);
  pass.guidance.concat = concat;
  pass.guidance.controls = controls_.prepare(request, inputs.controls, request.width, request.height, table);
  pass.latent = latent;
  if (inputs.mask.defined())
    pass.mask = media::interpolate(inputs.mask, h, w, media::Interpolation::kBilinear);
  return run_pass(pass, noise);
}

Tensor Painter::Impl::upscaled(const Request& request, const Tensor& latent, int width, int height) {
  const models::LatentFormat format = model_.family->latent_format();
  const std::int64_t h = height / format.downscale, w = width / format.downscale;
  const std::string& how = request.hires.upscaler;
  if (how == "lanczos") {
    std::vector<Tensor> images;
    for (const media::Image& image : decode(latent)) {
      images.push_back(
          media::to_tensor(device_, media::resize(image, width, height, media::ResizeFilter::kLanczos)));
    }
    return encode_image(ops::concat(images, 0));
  }
  media::Interpolation interpolation = media::Interpolation::kNearestExact;
  if (how == "latent-bilinear") interpolation = media::Interpolation::kBilinear;
  if (how == "latent-bicubic") interpolation = media::Interpolation::kBicubic;
  return media::interpolate(latent, h, w, interpolation);
}

Tensor Painter::Impl::second_pass(const Request& request, const Texts& texts, const PictureInputs& inputs,
                                  const Tensor& latent, const sampling::SigmaTable& table) {
  const int cell = model_.family->latent_format().downscale;
  const auto larger = [&](int side) {
    return static_cast<int>(std::lround(side * request.hires.scale / cell)) * cell;
  };
  const int width = larger(request.width), height = larger(request.height);
  const int steps = request.hires.steps > 0 ? request.hires.steps : request.steps;
  const Tensor start = upscaled(request, latent, width, height);
  DenoisingPass pass = make_pass(request, texts, table, steps, request.hires.denoise);
  pass.guidance.concat = concat_input(request, {}, start.dim(2), start.dim(3));
  pass.guidance.controls = controls_.prepare(request, inputs.controls, width, height, table);
  pass.latent = start;
  // A second noise of the same seed and the new size, as a second sampler node with that seed would draw.
  sampling::SeededNoise noise(noise_options(request), device_);
  return run_pass(pass, noise);
}

std::vector<media::Image> Painter::Impl::decode(const Tensor& latent) {
  stage(Stage::kDecoding);
  device_.trim();  // what sampling needed has other sizes than what comes now
  const models::LatentFormat format = model_.family->latent_format();
  const Tensor shift = Tensor::full(device_, latent.shape(), format.shift);
  const Tensor z = ops::combine({{1.0 / static_cast<double>(format.scale), &latent}, {1.0, &shift}});
  TilingReport report;
  const Tensor pixels = decode_within(vae(), z, format.downscale, activation_budget(), &report);
  if (report.tiled) {
    say(options_.log, LogLevel::kInfo,
        fmt::format("the picture was developed in tiles of {0}×{0} pixels to stay within memory",
                    report.tile * format.downscale));
  }
  std::vector<media::Image> images;
  for (std::int64_t i = 0; i < pixels.dim(0); ++i) images.push_back(media::from_tensor(pixels, i));
  return images;
}

Painting Painter::Impl::paint(Request request) {
  const StopScope scope(device_.threads(), options_.cancelled);
  open(request);
  const models::LatentFormat format = model_.family->latent_format();
  media::Image init = adopt_picture_size(request, format.downscale);
  apply_stated_defaults(model_.files.main.texts(), request);
  request = resolve(std::move(request), *model_.family, model_.variant);
  const std::string texts_key =
      fmt::format("{} {} {} {}\n{}\n{}", static_cast<int>(request.reading), request.normalise_mean,
                  request.clip_skip, request.guidance != 1, request.prompt, request.negative_prompt) +
      loras_key(request);
  check_clip_skip(request);
  controls_.open(request, model_);
  plan(request, text::kWindowTokens);
  std::vector<std::string> hashed{request.model, request.vae};
  for (const LoraUse& use : request.loras) hashed.push_back(use.file);
  for (const ControlUse& use : request.controls) hashed.push_back(use.file);
  BackgroundHash hashes({hashed.begin(), hashed.end()}, options_.cancelled);
  if (texts_key != texts_key_) {
    texts_ = encode_texts(request);
    texts_key_ = texts_key;
    device_.trim();  // the text encoder is gone; its memory is for the denoiser
  }
  plan(request, tokens_of(texts_));
  const PictureInputs inputs = read_pictures(request, device_, std::move(init));
  const sampling::SigmaTable table(model_.variant.schedule, model_.variant.prediction);
  sampling::SeededNoise noise(noise_options(request), device_);
  steps_done_ = 0;
  seconds_per_step_ = 0;
  steps_total_ = request.steps;
  if (request.hires.scale > 0) steps_total_ += request.hires.steps > 0 ? request.hires.steps : request.steps;
  Tensor latent = first_pass(request, texts_, inputs, table, noise);
  if (request.hires.scale > 0) latent = second_pass(request, texts_, inputs, latent, table);
  if (!options_.keep_denoiser) {
    denoiser_.reset();
    controls_.release();
  }
  Painting painting{decode(latent), request};
  if (inputs.mask.defined() && request.hires.scale == 0) {
    for (media::Image& image : painting.images) image = keep_outside_mask(image, inputs);
  }
  const std::vector<std::string> sha256 = hashes.wait();
  check_cancelled();
  painting.request.model_sha256 = sha256[0];
  painting.request.vae_sha256 = sha256[1];
  std::size_t next = 2;
  for (LoraUse& use : painting.request.loras) use.sha256 = sha256[next++];
  for (ControlUse& use : painting.request.controls) use.sha256 = sha256[next++];
  return painting;
}

Painter::Painter(Device& device, PainterOptions options)
    : impl_(std::make_unique<Impl>(device, std::move(options))) {}
Painter::~Painter() = default;

Painting Painter::paint(const Request& request) {
  Request opened = request;
  opened.model = model_path(request.model);
  Painting painting = impl_->paint(std::move(opened));
  painting.request.model = request.model;  // as it was called
  return painting;
}

}  // namespace dq::pipeline
