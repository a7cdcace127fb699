#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "grad/average.h"
#include "grad/schedule.h"
#include "media/codec.h"
#include "pipeline/memory_budget.h"
#include "pipeline/model_files.h"
#include "train/denoising_step.h"
#include "train/event_file.h"
#include "train/loss_chart.h"
#include "train/loss_watch.h"
#include "train/material.h"
#include "train/network.h"
#include "train/run_facts.h"
#include "train/run_pictures.h"
#include "train/run_state.h"
#include "train/samples.h"
#include "train/trigger.h"
#include "train/validation.h"

namespace dq::train {
namespace {

using Clock = std::chrono::steady_clock;

// A run that keeps diverging ends after this many smaller rates.
constexpr int kMostRollbacks = 4;
constexpr std::size_t kRecent = 50;  // steps of the loss that is shown

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Pictures are an extra: what keeps them from being painted (the memory of a second model, a full disk) is
// told, and the run goes on.
void try_to_paint(const Log& log, const std::function<void()>& paint) {
  try {
    paint();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    say(log, LogLevel::kWarning, fmt::format("There are no sample pictures: {}", error.what()));
  }
}

class Run {
 public:
  Run(Device& device, TrainRequest request, const TrainerOptions& options)
      : device_(device), request_(std::move(request)), options_(options) {}

  TrainResult run();

 private:
  void read();
  void load();
  void resume();
  double one_step(std::int64_t step);
  enum class Measure : std::uint8_t { kYes, kNo };
  // False: the loss on the fixed pictures is not finite, and nothing was saved.
  bool save(Measure measure = Measure::kYes);
  void write_file(const std::filesystem::path& file);
  std::filesystem::path kept_file(std::int64_t step) const;
  // What makes another run of it: the request, and the pictures.
  std::string settings() const {
    return to_text(request_) + material_->fingerprint() + (bf16() ? "precision bf16\n" : "");
  }
  bool bf16() const { return device_.precision() == Precision::kBF16; }
  std::int64_t memory() const;  // bytes that may be used for tensors, those that are alive included
  void prepare();
  double validate();
  void paint_along();
  void name_the_best(TrainResult& result) const;
  void write_chart() const;
  void roll_back(std::int64_t step, double loss);
  bool cancelled() const { return options_.cancelled && options_.cancelled(); }
  void report(TrainStage stage, std::int64_t done, std::int64_t all) const;
  double recent_loss() const;
  RunState state() const;
  void restore(const RunState& state);

  Device& device_;
  TrainRequest request_;
  const TrainerOptions& options_;

  pipeline::OpenModel model_;
  std::string base_sha256_;  // empty for a base of several files
  std::unique_ptr<Material> material_;
  std::optional<sampling::SigmaTable> table_;
  grad::Schedule schedule_ = grad::Schedule::kConstant;
  std::unique_ptr<models::Denoiser> denoiser_;
  std::unique_ptr<models::TextEncoder> text_encoder_;  // when gradients go through it
  std::unique_ptr<Network> network_;
  std::unique_ptr<grad::Optimizer> optimizer_;
  std::optional<grad::WeightAverage> average_;
  models::BlockRunner around_;

  std::int64_t done_ = 0;  // steps
  double rate_share_ = 1;  // halved by each roll-back
  int rollbacks_ = 0;
  std::vector<float> losses_;
  std::map<std::int64_t, float> validation_;  // by step
  bool samples_along_ = false;                // asked for: at the end there are some anyway
  std::optional<EventFile> events_;
  std::optional<Clock::time_point> last_step_;
  double seconds_per_step_ = 0;
};

void Run::report(TrainStage stage, std::int64_t done, std::int64_t all) const {
  if (options_.on_progress) options_.on_progress({stage, done, all, recent_loss(), seconds_per_step_});
}

double Run::recent_loss() const {
  const std::size_t count = std::min(losses_.size(), kRecent);
  double sum = 0;
  for (std::size_t i = losses_.size() - count; i < losses_.size(); ++i) sum += losses_[i];
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

void Run::read() {
  const std::filesystem::path state = state_path(request_.output);
  if (options_.resume && !std::filesystem::exists(state)) {
    throw Error(ErrorCode::kNotFound, "there is no stopped run to go on with")
        .in(state.string())
        .hint("Start without --resume, or name the --output of the run.");
  }
  pipeline::Request files;
  files.model = request_.base;
  files.vae = request_.vae;
  files.text_encoder = request_.text_encoder;
  files.prediction = request_.prediction;
  files.zero_terminal_snr = request_.zero_terminal_snr;
  model_ = pipeline::open_model(files);
  if (model_.variant.in_channels != model_.family->latent_format().channels) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("training on {} models of the {} variant is not supported yet",
                            model_.family->title(), model_.variant.name))
        .in(request_.base);
  }
  const int native = model_.family->defaults(model_.variant).width;
  const auto each = [&](std::size_t done, std::size_t all) {
    report(TrainStage::kReading, static_cast<std::int64_t>(done), static_cast<std::int64_t>(all));
  };
  Dataset data = read_pictures(request_, native, each, device_.threads());
  const std::size_t shown = data.training_pictures();
  request_ =
      resolve(std::move(request_), {shown, native, model_.variant.prediction,
                                    class_words(data, request_.trigger), data.pictures.size() - shown});
  schedule_ = grad::schedule_named(request_.schedule);
  // Told before anything is encoded; so is a control net to begin with that is none, or another model's.
  check_standing(standing_bytes(model_, request_, device_.precision()), request_, memory());
  for (const std::string& warning : data.warnings) say(options_.log, LogLevel::kWarning, warning);
  for (const LeftOut& out : data.left_out) {
    say(options_.log, LogLevel::kWarning,
        fmt::format("{} is left out: {}.", printable(out.file.filename().string()), out.reason));
  }
  table_.emplace(model_.variant.schedule, model_.variant.prediction);
  samples_along_ = request_.paint_samples && !request_.samples.empty() && !options_.logs.empty();
  if (request_.samples.empty()) request_.samples.push_back(sample_prompt(request_, data));
  if (request_.sample_control.empty()) request_.sample_control = data.pictures[0].control.string();
  const std::string id = base_identity(request_.base);
  const auto of = [&](const std::string& part) {  // what its own file says, or the base's
    return (part.empty() ? id : base_identity(part)) + (bf16() ? " in bf16" : "");
  };
  if (std::filesystem::is_regular_file(request_.base)) base_sha256_ = id;
  material_ =
      std::make_unique<Material>(model_, device_, request_, std::move(data), ContentCache(options_.cache),
                                 EncodingOptions{.vae_id = of(request_.vae),
                                                 .text_id = of(request_.text_encoder),
                                                 .memory = options_.memory,
                                                 .clip_skip = request_.clip_skip});
  material_->encode([&](std::size_t done, std::size_t all) {
    report(TrainStage::kEncoding, static_cast<std::int64_t>(done), static_cast<std::int64_t>(all));
    if (cancelled()) throw Error(ErrorCode::kCancelled, "stopped before the first step");
  });
}

std::int64_t Run::memory() const {
  const std::int64_t free = pipeline::available_memory() + device_.memory().now;
  return options_.memory > 0 ? std::min(free, options_.memory) : free;
}

// Loads everything and plans the run. What asks for more memory than there is on the way is told.
void Run::prepare() {
  const std::int64_t free = memory();
  const auto forget = [this] { grad::clear_gradients(network_->trained()); };
  MeasuredPass pass;
  try {
    const MemoryBoundScope bound(device_, free);
    load();
    if (options_.resume) resume();
    report(TrainStage::kMeasuring, 0, 0);
    pass = measure_pass(
        device_, *denoiser_, [this] { return material_->largest(1); }, request_, memory(), forget);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) throw;
    throw too_large(request_, free);
  }
  forget();
  around_ = std::move(pass.around);
  NewOnDisk disk;
  const int states = std::filesystem::exists(state_path(request_.output)) ? 1 : 2;
  for (const auto& [name, tensor] : state().tensors) disk.state += states * tensor.bytes();
  for (const files::TensorToWrite& tensor : network_->contents(DType::kF16).tensors)
    disk.file += element_count(tensor.shape) * size_of(tensor.dtype);
  Plan plan = plan_run(request_, pass.cost, request_.steps - done_, disk);
  plan.checkpointing = pass.again;
  check_plan(plan, request_, memory(), std::filesystem::path(request_.output).parent_path());
  const auto batch = [this] {
    if (cancelled()) throw Error(ErrorCode::kCancelled, "stopped before the first step");
    return material_->largest(request_.batch);
  };
  plan.seconds_per_step = request_.accumulation * timed_pass(*denoiser_, batch, around_, forget);
  if (options_.on_plan) options_.on_plan(plan, request_);
}

double Run::validate() {
  std::optional<grad::AverageInPlace> averaged;
  if (average_) averaged.emplace(*average_);
  return validation_loss(device_, *denoiser_, material_->validation(), *table_, request_.objective,
                         request_.seed, network_->control_net());
}

void Run::load() {
  report(TrainStage::kLoading, 0, 0);
  const weights::Purpose purpose = purpose_for(request_.target);
  denoiser_ = model_.family->load_denoiser(model_.files, model_.variant, device_, purpose);
  if (learns_through_text(request_))
    text_encoder_ = model_.family->load_text_encoder(model_.files, device_, purpose);
  network_ = make_network({model_, *denoiser_, text_encoder_.get()}, request_, device_);
  for (const std::string& warning : network_->warnings()) say(options_.log, LogLevel::kWarning, warning);
  if (text_encoder_) material_->train_texts(*text_encoder_, network_->words());
  if (network_->control_net()) material_->train_control(*network_->control_net());
  optimizer_ = grad::make_optimizer(request_.optimizer, network_->trained(), request_.optimizer_options);
  if (request_.average > 0) average_.emplace(network_->trained(), request_.average);
}

RunState Run::state() const {
  RunState out;
  out.step = done_;
  out.settings = settings();
  add_leaves(out, network_->trained());
  add_under(out, "optimizer.", optimizer_->state());
  if (average_) add_under(out, "average.", average_->state());
  if (!losses_.empty()) {
    out.tensors["losses"] = Tensor::from(device_, losses_, {static_cast<std::int64_t>(losses_.size())});
  }
  if (!validation_.empty()) {
    std::vector<float> points;
    for (const auto& [step, loss] : validation_)
      points.insert(points.end(), {static_cast<float>(step), loss});
    out.tensors["validation"] =
        Tensor::from(device_, points, {static_cast<std::int64_t>(validation_.size()), 2});
  }
  const float run[]{static_cast<float>(rate_share_), static_cast<float>(rollbacks_)};
  out.tensors["run"] = Tensor::from(device_, run, {2});
  return out;
}

void Run::restore(const RunState& state) {
  restore_leaves(state, network_->trained());
  optimizer_->load_state(take_under(state, "optimizer."));
  if (average_) average_->load_state(take_under(state, "average."));
  done_ = state.step;
  const auto losses = state.tensors.find("losses"), run = state.tensors.find("run"),
             validation = state.tensors.find("validation");
  losses_.clear();
  validation_.clear();
  for (std::int64_t i = 0; validation != state.tensors.end() && i < validation->second.dim(0); ++i) {
    const float* point = validation->second.data<float>() + 2 * i;
    validation_[static_cast<std::int64_t>(point[0])] = point[1];
  }
  if (losses != state.tensors.end()) {
    losses_.assign(losses->second.data<float>(), losses->second.data<float>() + losses->second.count());
  }
  if (run != state.tensors.end() && run->second.count() == 2) {
    rate_share_ = run->second.data<float>()[0];
    rollbacks_ = static_cast<int>(run->second.data<float>()[1]);
  }
}

void Run::resume() {
  restore(read_state(state_path(request_.output), settings(), device_));
}

// One update: `accumulation` passes, clipping, the optimiser. Returns the mean loss.
double Run::one_step(std::int64_t step) {
  double loss = 0;
  for (int part = 0; part < request_.accumulation; ++part) {
    const std::int64_t number = step * request_.accumulation + part;
    const StepInput input = material_->step(number);
    const double share = 1.0 / request_.accumulation;
    loss += share * denoising_step(*denoiser_, input, share, around_ ? &around_ : nullptr);
  }
  const std::vector<grad::Trained>& trained = network_->trained();
  const double norm = grad::clip_gradients(trained, request_.clip);
  if (!std::isfinite(loss) || !std::isfinite(norm)) {
    grad::clear_gradients(trained);
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double factor = grad::schedule_factor(schedule_, step, request_.steps, request_.warmup,
                                              {.least = request_.last_rate, .fall = request_.decay_steps});
  optimizer_->step(request_.rate * factor * rate_share_);
  network_->after_step();
  if (request_.bf16_weights) network_->round_leaves(request_.seed, step);
  if (average_) average_->update();
  grad::clear_gradients(trained);
  return loss;
}

// Back to what was saved last, with half the rate.
void Run::roll_back(std::int64_t step, double loss) {
  if (++rollbacks_ > kMostRollbacks) {
    throw Error(ErrorCode::kInternal,
                fmt::format("the loss is {} at step {}, with every rate that was tried", loss, step + 1))
        .hint("Look at the pictures, or try a smaller --rate.");
  }
  const double share = rate_share_ / 2;
  const int rollbacks = rollbacks_;
  resume();
  rate_share_ = share;
  rollbacks_ = rollbacks;
  say(options_.log, LogLevel::kWarning,
      fmt::format("The loss was {} at step {}: back to step {}, with a rate of {:.2g} from there.", loss,
                  step + 1, done_, request_.rate * rate_share_));
}

bool Run::save(Measure measure) {
  report(TrainStage::kSaving, done_, request_.steps);
  if (measure == Measure::kYes && !validation_.contains(done_)) {
    const double loss = validate();
    if (!std::isfinite(loss)) return false;
    validation_[done_] = static_cast<float>(loss);
    if (events_) events_->add("validation", done_, loss, wall_time());
  }
  write_state(state_path(request_.output), state());
  write_chart();
  if (events_) events_->flush();
  return true;
}

void Run::write_chart() const {
  if (options_.logs.empty()) return;
  std::vector<ChartPoint> points;
  for (std::size_t i = 0; i < losses_.size(); ++i) {
    points.push_back({static_cast<double>(i + 1), static_cast<double>(losses_[i])});
  }
  std::vector<ChartPoint> validation;
  for (const auto& [step, loss] : validation_)
    validation.push_back({static_cast<double>(step), static_cast<double>(loss)});
  media::write_image(options_.logs / "loss.png", draw_chart({.training = points, .validation = validation}));
}

std::filesystem::path Run::kept_file(std::int64_t step) const {
  const std::filesystem::path file(request_.output);
  return file.parent_path() /
         fmt::format("{}-step{:08}{}", file.stem().string(), step, file.extension().string());
}

void Run::write_file(const std::filesystem::path& file) {
  std::optional<grad::AverageInPlace> averaged;
  if (average_) averaged.emplace(*average_);
  const Network::Contents contents = network_->contents(request_.bf16_weights ? DType::kBF16 : DType::kF16);
  const RunFacts facts =
      facts_of(request_, model_, {base_sha256_, done_, material_->passes_per_epoch(), device_.precision()});
  Metadata metadata = run_metadata(facts, material_->data(), material_->buckets());
  if (request_.target != Target::kFull) add_hashes(metadata, contents.tensors);
  metadata.insert(contents.texts.begin(), contents.texts.end());
  files::write_safetensors(file, contents.tensors, metadata);
}

TrainResult Run::run() {
  read();
  prepare();
  if (!options_.logs.empty()) {
    std::filesystem::create_directories(options_.logs);
    events_.emplace(options_.logs / "events.out.tfevents.0.danqing");
  }
  if (!options_.resume) save(Measure::kNo);  // to roll back to; and a full disk is told now
  while (done_ < request_.steps) {
    if (cancelled()) {
      save(Measure::kNo);
      throw Error(ErrorCode::kCancelled, fmt::format("stopped after step {}", done_))
          .hint("--resume goes on from there");
    }
    const double loss = one_step(done_);
    if (!std::isfinite(loss)) {
      roll_back(done_, loss);
      continue;
    }
    losses_.push_back(static_cast<float>(loss));
    if (has_spiked(losses_)) {
      roll_back(done_, loss);
      continue;
    }
    ++done_;
    const auto now = Clock::now();
    if (last_step_) seconds_per_step_ = std::chrono::duration<double>(now - *last_step_).count();
    last_step_ = now;
    if (events_) {
      events_->add("loss", done_, loss, wall_time());
    }
    report(TrainStage::kTraining, done_, request_.steps);
    if (done_ == request_.steps) break;
    if (may_spike(losses_)) continue;  // what is saved now would be gone back to
    const bool keep = request_.keep_every > 0 && done_ % request_.keep_every == 0;
    if ((keep || done_ % request_.save_every == 0) && !save()) {
      roll_back(done_, std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    if (!keep) continue;
    write_file(kept_file(done_));
    if (samples_along_) paint_along();
  }
  if (!save()) {
    throw Error(ErrorCode::kInternal, "the loss on the fixed pictures is not finite at the last step")
        .hint("Try a smaller --rate.");
  }
  write_file(request_.output);
  TrainResult result;
  result.file = request_.output;
  result.steps = done_;
  result.data = material_->data();
  result.request = request_;
  const std::size_t tail = std::max<std::size_t>(1, losses_.size() / 10);
  for (std::size_t i = losses_.size() - tail; i < losses_.size(); ++i)
    result.loss += losses_[i] / static_cast<double>(tail);
  name_the_best(result);
  return result;
}

void Run::paint_along() {
  report(TrainStage::kPainting, done_, request_.steps);
  try_to_paint(options_.log, [&] {
    const std::vector<media::Image> pictures =
        paint_samples(device_, request_, {kept_file(done_), 1}, options_.cancelled);
    for (std::size_t i = 0; i < pictures.size(); ++i)
      media::write_image(options_.logs / fmt::format("sample-step{:08}-{}.png", done_, i + 1), pictures[i]);
  });
}

void Run::name_the_best(TrainResult& result) const {
  result.validation = validation_;
  result.best = result.file;
  result.best_step = done_;
  result.kept = 1;
  for (const auto& [step, loss] : validation_) {
    const bool kept = request_.keep_every > 0 && step % request_.keep_every == 0 && step < done_;
    result.kept += kept ? 1 : 0;
    if (!kept || loss >= validation_.at(result.best_step)) continue;
    result.best = kept_file(step);
    result.best_step = step;
  }
}

}  // namespace

std::string_view to_string(TrainStage stage) {
  switch (stage) {
    case TrainStage::kReading:
      return "looking at the pictures";
    case TrainStage::kEncoding:
      return "encoding the pictures";
    case TrainStage::kLoading:
      return "loading the model";
    case TrainStage::kMeasuring:
      return "measuring a step";
    case TrainStage::kTraining:
      return "training";
    case TrainStage::kSaving:
      return "saving";
    case TrainStage::kPainting:
      return "painting samples";
  }
  return "";
}

std::filesystem::path state_path(const std::filesystem::path& output) {
  return output.string() + ".state";
}

TrainResult train(Device& device, TrainRequest request, const TrainerOptions& options) {
  TrainResult result;
  {
    Run run(device, std::move(request), options);
    result = run.run();
  }  // with it goes what was trained, so that the samples have the memory
  if (!result.request.paint_samples || options.logs.empty()) return result;
  if (options.on_progress) options.on_progress({TrainStage::kPainting, 0, 0, result.loss, 0});
  try_to_paint(options.log, [&] {
    const std::filesystem::path grid = options.logs / "grid.png";
    const media::Image picture = write_grid(device, result.request, grid, options.cancelled);
    result.grid = grid;
    put_thumbnail(result.file, picture);
  });
  return result;
}

}  // namespace dq::train
