#include "mini/learn/judge_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/counter_random.h"
#include "base/error.h"
#include "files/weight_source.h"
#include "grad/losses.h"
#include "grad/optimizer.h"
#include "grad/schedule.h"
#include "grad/tape.h"
#include "media/resize.h"
#include "mini/learn/picture_tensor.h"
#include "train/run_state.h"
#include "train/trainer.h"
#include "weights/initial.h"

namespace dq::mini {
namespace {

constexpr std::uint64_t kWear = 0x3e4a, kTestSeed = 0x7e57;

// As a picture of the built-in model is: softened, a little noisy, a little off in brightness.
void wear(media::Image& image, CounterRandom& random) {
  if (random.uniform() < 0.6) {
    const int side = kCanvas - static_cast<int>(random.below(3 * kCanvas / 4));
    image = media::resize(media::resize(image, side, side, media::ResizeFilter::kArea), kCanvas, kCanvas,
                          media::ResizeFilter::kBicubic);
  }
  const double noise = random.uniform() < 0.5 ? 24 * random.uniform() : 0;
  const double factor = 0.85 + 0.3 * random.uniform(), shift = 20 * (random.uniform() - 0.5);
  for (std::uint8_t& v : image.pixels) {
    const double rough = noise * (random.uniform() + random.uniform() - 1);
    v = static_cast<std::uint8_t>(std::clamp(v * factor + shift + rough + 0.5, 0.0, 255.0));
  }
}

}  // namespace

Sample judge_sample(const Composer& composer, const std::vector<int>& subjects, std::uint64_t seed,
                    std::uint64_t index) {
  CounterRandom random{seed, kWear, index};
  const int subject = subjects[static_cast<std::size_t>(random.below(subjects.size()))];
  int background = 0;
  do {
    background = static_cast<int>(random.below(kColours));
  } while (!composer.is_visible(subject, background));
  const int scale = 40 + static_cast<int>(random.below(56));
  Scene scene = composer.plain_emoji(subject, background, scale);
  Thing& thing = scene.things[0];
  const int room = (kCanvas * kSubpixel - thing.size) / 2;
  if (room > 0) {
    thing.x += static_cast<int>(random.below(static_cast<std::uint64_t>(2 * room + 1))) - room;
    thing.y += static_cast<int>(random.below(static_cast<std::uint64_t>(2 * room + 1))) - room;
  }
  for (media::Rgb* rgb : {&scene.background.from, &scene.background.to}) {
    for (std::uint8_t& v : *rgb) {
      v = static_cast<std::uint8_t>(
          std::clamp(static_cast<int>(v) + static_cast<int>(random.below(41)) - 20, 0, 255));
    }
  }
  Sample out{subject, composer.render(scene)};
  wear(out.image, random);
  return out;
}

void train_judge(Device& device, const Composer& composer, const JudgeOptions& options) {
  const int concepts = static_cast<int>(composer.catalogue().concepts.size());
  const std::filesystem::path shapes = options.output.string() + ".shapes";
  write_judge_shapes(shapes, concepts, device);
  Judge judge(weights::TensorTable(files::open_weights(shapes)), device, weights::Purpose::kTrain);
  std::filesystem::remove(shapes);
  weights::initialise(judge.parameters(), options.seed);
  std::vector<grad::Trained> trained;
  for (const auto& [name, parameter] : judge.parameters())
    trained.push_back({name, parameter->value, 1, parameter->is_matrix()});
  const auto optimizer = grad::make_adamw(trained, {.beta2 = 0.99, .weight_decay = 0.02});
  const std::string settings =
      fmt::format("seed {}\nsteps {}\nbatch {}\nrate {}\nconcepts {}\n", options.seed, options.steps,
                  options.batch, options.rate, concepts);
  int step = 0;
  if (options.resume) {
    const train::RunState state = train::read_state(train::state_path(options.output), settings, device);
    train::restore_leaves(state, trained);
    optimizer->load_state(train::take_under(state, "optimizer."));
    step = static_cast<int>(state.step);
  }
  std::vector<int> labels(static_cast<std::size_t>(options.batch));
  for (; step < options.steps; ++step) {
    Tensor images = Tensor::empty(device, DType::kF32, {options.batch, Judge::kSide, Judge::kSide, 3});
    device.threads().parallel_for(options.batch, [&](std::int64_t n, int) {
      const auto index = static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(options.batch) +
                         static_cast<std::uint64_t>(n);
      const Sample sample = judge_sample(composer, composer.subjects(), options.seed, index);
      labels[static_cast<std::size_t>(n)] = sample.label;
      put_picture(sample.image, images, n);
    });
    const Tensor logits = judge.logits(images);
    const grad::LossAndGradient loss = grad::cross_entropy(logits.detached(), labels);
    grad::backward(logits, loss.gradient);
    if (!std::isfinite(grad::clip_gradients(trained, 1)))
      throw Error(ErrorCode::kInternal, "the judge's loss is not finite");
    optimizer->step(options.rate *
                    grad::schedule_factor(grad::Schedule::kCosine, step, options.steps, options.warmup));
    grad::clear_gradients(trained);
    if (options.on_step) options.on_step(step, loss.value);
    if ((step + 1) % options.save_every == 0 || step + 1 == options.steps) {
      train::RunState state{step + 1, settings, {}};
      train::add_leaves(state, trained);
      train::add_under(state, "optimizer.", optimizer->state());
      train::write_state(train::state_path(options.output), state);
    }
  }
  write_judge(options.output, judge);
}

JudgeScore score_judge(const Judge& judge, const Composer& composer, const std::vector<int>& subjects,
                       int count) {
  JudgeScore out;
  const double share = 1.0 / count;
  for (int i = 0; i < count; ++i) {
    const Sample sample = judge_sample(composer, subjects, kTestSeed, static_cast<std::uint64_t>(i));
    const Verdict verdict = judge.verdict(sample.image, sample.label, subjects);
    out.first += verdict.first ? share : 0;
    out.fifth += verdict.fifth ? share : 0;
    out.first_of_all += verdict.first_of_all ? share : 0;
  }
  return out;
}

}  // namespace dq::mini
