#include "mini/learn/autoencoder_run.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cmath>

#include "base/counter_random.h"
#include "base/error.h"
#include "files/safetensors_write.h"
#include "grad/optimizer.h"
#include "grad/schedule.h"
#include "grad/tape.h"
#include "media/resize.h"
#include "mini/learn/picture_loss.h"
#include "mini/learn/picture_tensor.h"
#include "mini/measures.h"
#include "models/autoencoder_kl/autoencoder.h"
#include "models/autoencoder_kl/names.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"
#include "tensor/gradient.h"
#include "train/run_state.h"
#include "train/trainer.h"
#include "weights/initial.h"

namespace dq::mini {
namespace {

namespace ae = models::autoencoder_kl;

constexpr std::uint64_t kNoise = 0x5eed, kCrop = 0xc309;

void add_noise(Tensor& latent, double deviation, std::uint64_t seed, std::uint64_t step) {
  const std::int64_t count = latent.count() / latent.dim(0);
  for (std::int64_t n = 0; n < latent.dim(0); ++n) {
    Normals noise(CounterRandom{seed, kNoise, step, static_cast<std::uint64_t>(n)});
    float* at = latent.data<float>() + n * count;
    for (std::int64_t i = 0; i < count; ++i) at[i] += static_cast<float>(deviation * noise.next());
  }
}

class Run {
 public:
  Run(Device& device, const weights::ComponentSet& base, const Composer& composer,
      const AutoencoderOptions& options)
      : device_(device), composer_(composer), options_(options) {
    const weights::TensorTable table = ae::locate(base.vae.empty() ? base.main : base.vae);
    const std::optional<ae::Config> config = ae::read_config(table);
    if (!config) throw Error(ErrorCode::kBadFile, "the base has no VAE").in(base.main.origin());
    vae_.emplace(table, *config, device, weights::Purpose::kTrain);
    weights::initialise(vae_->parameters(), options.seed);
    for (const auto& [name, parameter] : vae_->parameters())
      trained_.push_back({name, parameter->value, 1, parameter->is_matrix()});
    optimizer_ = grad::make_adamw(trained_, {.beta2 = 0.99, .weight_decay = 0.001});
  }

  void run();

 private:
  Tensor pictures(int step) const;
  double one_step(int step);
  void save(int step) const;
  int resume();
  void normalise();
  void write() const;

  Device& device_;
  const Composer& composer_;
  const AutoencoderOptions& options_;
  std::optional<ae::AutoencoderKl> vae_;
  std::vector<grad::Trained> trained_;
  std::unique_ptr<grad::Optimizer> optimizer_;
};

// [N, crop, crop, 3] in [−1, 1].
Tensor Run::pictures(int step) const {
  const bool whole = step >= options_.steps - static_cast<int>(options_.whole_share * options_.steps);
  const int side = whole ? kCanvas : options_.crop;
  const std::int64_t count = whole ? std::max(1, options_.batch / 4) : options_.batch;
  Tensor out = Tensor::empty(device_, DType::kF32, {count, side, side, 3});
  device_.threads().parallel_for(count, [&](std::int64_t n, int) {
    const auto index = static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(options_.batch) +
                       static_cast<std::uint64_t>(n);
    const Composition picture = composer_.compose(index);
    CounterRandom random{options_.seed, kCrop, index};
    const auto room = static_cast<std::uint64_t>(kCanvas - side + 1);
    const auto x0 = static_cast<int>(random.below(room)), y0 = static_cast<int>(random.below(room));
    put_picture(media::crop(picture.image, x0, y0, side, side), out, n);
  });
  return out;
}

double Run::one_step(int step) {
  const Tensor wanted = pictures(step);
  const Tensor mean = vae_->encode(wanted);
  Tensor latent = ops::copied(mean.detached());
  add_noise(latent, options_.noise, options_.seed, static_cast<std::uint64_t>(step));
  ask_gradient(latent);
  const Tensor made = vae_->decode(latent);
  const PictureLoss loss = picture_loss(made.detached(), wanted);
  grad::backward(made, loss.gradient);
  const Tensor from_decoder = grad::gradient(latent), values = mean.detached();
  const double pull = 2 * options_.pull / static_cast<double>(values.count());
  grad::backward(mean, ops::combine({{1, &from_decoder}, {pull, &values}}));
  const double norm = grad::clip_gradients(trained_, 1);
  if (!std::isfinite(norm) || !std::isfinite(loss.value)) {
    throw Error(ErrorCode::kInternal, fmt::format("the loss is not finite at step {}", step));
  }
  optimizer_->step(options_.rate *
                   grad::schedule_factor(grad::Schedule::kCosine, step, options_.steps, options_.warmup));
  grad::clear_gradients(trained_);
  return loss.value;
}

std::string settings(const AutoencoderOptions& o) {
  return fmt::format("seed {}\nsteps {}\nbatch {}\ncrop {}\nwhole {}\nrate {}\nnoise {}\npull {}\n", o.seed,
                     o.steps, o.batch, o.crop, o.whole_share, o.rate, o.noise, o.pull);
}

void Run::save(int step) const {
  train::RunState state{step, settings(options_), {}};
  train::add_leaves(state, trained_);
  train::add_under(state, "optimizer.", optimizer_->state());
  train::write_state(train::state_path(options_.output), state);
}

int Run::resume() {
  const train::RunState state =
      train::read_state(train::state_path(options_.output), settings(options_), device_);
  train::restore_leaves(state, trained_);
  optimizer_->load_state(train::take_under(state, "optimizer."));
  return static_cast<int>(state.step);
}

// Folds a constant a channel into the convolutions on both sides of the latent, so that over many pictures
// it has mean 0 and deviation 1/scale, and says the noise it was trained with as its variance.
void Run::normalise() {
  constexpr int kAtOnce = 16;
  constexpr std::int64_t kChannels = 4;
  std::array<double, kChannels> sum{}, square{};
  double cells = 0;
  const ops::RecordingScope quiet(device_, false);
  for (int begin = 0; begin < options_.normalised_over; begin += kAtOnce) {
    Tensor images = Tensor::empty(device_, DType::kF32, {kAtOnce, kCanvas, kCanvas, 3});
    device_.threads().parallel_for(kAtOnce, [&](std::int64_t n, int) {
      // Far from what was trained on.
      const Composition c =
          composer_.compose((std::uint64_t{1} << 40) + static_cast<std::uint64_t>(begin + n));
      put_picture(c.image, images, n);
    });
    const Tensor z = vae_->encode(images);
    const std::int64_t area = z.dim(2) * z.dim(3);
    for (std::int64_t i = 0; i < z.count(); ++i) {
      const auto c = static_cast<std::size_t>(i / area % kChannels);
      const auto v = static_cast<double>(z.data<float>()[i]);
      sum[c] += v;
      square[c] += v * v;
    }
    cells += static_cast<double>(z.dim(0) * area);
  }
  const double wanted = 1 / 0.18215;
  const weights::Parameters& all = vae_->parameters();
  const auto numbers = [&](const char* name) {
    return all.find(name)->second->value.detached().data<float>();
  };
  float *quant = numbers("quant_conv.weight"), *quant_bias = numbers("quant_conv.bias"),
        *post = numbers("post_quant_conv.weight"), *post_bias = numbers("post_quant_conv.bias");
  for (std::size_t c = 0; c < kChannels; ++c) {
    const double mean = sum[c] / cells, deviation = std::sqrt(square[c] / cells - mean * mean);
    const double factor = wanted / deviation;
    for (std::size_t i = 0; i < 2 * kChannels; ++i) {
      quant[c * 2 * kChannels + i] *= static_cast<float>(factor);
      quant[(c + kChannels) * 2 * kChannels + i] = 0;
    }
    quant_bias[c] = static_cast<float>((static_cast<double>(quant_bias[c]) - mean) * factor);
    quant_bias[c + kChannels] = static_cast<float>(2 * std::log(options_.noise * factor));
    for (std::size_t out = 0; out < kChannels; ++out) {
      float& weight = post[out * kChannels + c];
      post_bias[out] += static_cast<float>(static_cast<double>(weight) * mean);
      weight /= static_cast<float>(factor);
    }
  }
}

void Run::write() const {
  std::vector<files::TensorToWrite> tensors;
  for (const auto& [name, parameter] : vae_->parameters()) {
    const Tensor value = parameter->value.detached().reshape(parameter->stored);
    tensors.push_back(files::to_write("first_stage_model." + name, value));
  }
  files::write_safetensors(options_.output, std::move(tensors), {{"format", "pt"}});
}

void Run::run() {
  using Clock = std::chrono::steady_clock;
  for (int step = options_.resume ? resume() : 0; step < options_.steps; ++step) {
    if (options_.cancelled && options_.cancelled()) {
      save(step);
      throw Error(ErrorCode::kCancelled, fmt::format("stopped after step {}", step));
    }
    const auto start = Clock::now();
    const double loss = one_step(step);
    if (options_.on_step)
      options_.on_step(step, loss, std::chrono::duration<double>(Clock::now() - start).count());
    if ((step + 1) % options_.save_every == 0) save(step + 1);
  }
  save(options_.steps);
  normalise();
  write();
}

}  // namespace

void train_autoencoder(Device& device, const weights::ComponentSet& base, const Composer& composer,
                       const AutoencoderOptions& options) {
  Run(device, base, composer, options).run();
}

AutoencoderScore score_autoencoder(Device& device, const models::Vae& vae, const Composer& composer,
                                   std::uint64_t first, int count) {
  AutoencoderScore out{0, 1e9};
  for (int i = 0; i < count; ++i) {
    const Composition c = composer.compose(first + static_cast<std::uint64_t>(i));
    const media::Image made = media::from_tensor(vae.decode(vae.encode(media::to_tensor(device, c.image))));
    const double decibels = psnr(made, c.image);
    out.psnr += decibels / count;
    out.worst = std::min(out.worst, decibels);
  }
  return out;
}

}  // namespace dq::mini
