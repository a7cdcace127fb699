#include "mini/learn/text_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/counter_random.h"
#include "base/error.h"
#include "grad/losses.h"
#include "grad/optimizer.h"
#include "grad/schedule.h"
#include "grad/tape.h"
#include "mini/captions.h"
#include "mini/palette.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"
#include "ops/linear.h"
#include "pipeline/checkpoint_contents.h"
#include "weights/initial.h"

namespace dq::mini {
namespace {

enum Label {
  kFirst,
  kSecond,
  kFirstColour,
  kSecondColour,
  kGround,
  kGroundSecond,
  kPlace,
  kRelation,
  kNumber,
  kSize,
  kTexture,
  kLabels
};

constexpr std::uint64_t kPick = 0x7e97;
constexpr std::uint64_t kUnseen = std::uint64_t{1} << 41;  // far from what was trained on

// A subject by its place among the composer's, then the shapes, then nothing.
int what(const Composer& composer, const Scene& scene, std::size_t i) {
  const auto subjects = static_cast<int>(composer.subjects().size());
  if (i >= scene.things.size()) return subjects + kShapes;
  const Thing& thing = scene.things[i];
  if (thing.shape >= 0) return subjects + thing.shape;
  const auto& all = composer.subjects();
  return static_cast<int>(std::find(all.begin(), all.end(), thing.emoji) - all.begin());
}

int colour_of(const Scene& scene, std::size_t i) {
  return i < scene.things.size() && scene.things[i].shape >= 0 ? scene.things[i].colour : kColours;
}

bool names(const std::string& caption, int colour) {
  const NamedColour& named = palette()[static_cast<std::size_t>(colour)];
  return caption.find(named.en) != std::string::npos || caption.find(named.zh) != std::string::npos;
}

// Whether it says which of two shapes of two colours lies where.
bool says_pair(const Scene& scene, const std::string& caption) {
  return scene.kind == SceneKind::kShapes && scene.relation != Relation::kNone &&
         scene.things[0].colour != scene.things[1].colour && says_relation(caption);
}

// The mean of the squares of a − b, or of a, over all elements.
double mean_square(const Tensor& a, const Tensor* b) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.count(); ++i) {
    const double d =
        static_cast<double>(a.data<float>()[i]) - (b ? static_cast<double>(b->data<float>()[i]) : 0);
    sum += d * d;
  }
  return sum / static_cast<double>(a.count());
}

// One of the scene's captions: two of three times English.
const std::string& pick_caption(const Scene& scene, std::uint64_t random) {
  if (!scene.caption.empty() && random % 3 == 0) return scene.caption;
  return random / 3 % 3 == 0 ? scene.zh : scene.en;
}

class Run {
 public:
  Run(Device& device, const pipeline::OpenModel& base, const Composer& composer, const TextOptions& options)
      : device_(device),
        base_(base),
        composer_(composer),
        options_(options),
        sizes_(label_sizes(composer)),
        encoder_(base.family->load_text_encoder(base.files, device, weights::Purpose::kTrain)) {
    if (options.hold > 0) {
      before_ = base.family->load_text_encoder(base.files, device, weights::Purpose::kPaint);
    } else {
      weights::initialise(encoder_->parameters(), options.seed);
    }
    for (const auto& [name, parameter] : encoder_->parameters())
      trained_.push_back({name, parameter->value, 1, parameter->is_matrix()});
    const std::string empty[]{""};
    const std::int64_t width = encoder_->captions(empty, 1).context.dim(2);
    std::int64_t classes = 0;
    for (const int size : sizes_) classes += size;
    Tensor head = Tensor::empty(device, DType::kF32, {classes, width});
    Normals normals(CounterRandom{options.seed, kPick});
    for (std::int64_t i = 0; i < head.count(); ++i)
      head.data<float>()[i] = static_cast<float>(normals.next() / std::sqrt(static_cast<double>(width)));
    ask_gradient(head);
    head_ = head;
    trained_.push_back({"head", head_, 1, true});
  }

  TextScore run() {
    const auto optimizer = grad::make_adamw(trained_, {.beta2 = 0.99});
    for (int step = 0; step < options_.steps; ++step) {
      read(static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(options_.batch), options_.batch);
      const Tensor context = encoder_->captions(texts_, 1).context;
      Tensor seen = context.detached();
      ask_gradient(seen);
      const Tensor logits = told(seen);
      double loss = 0;
      const Tensor gradient = loss_of(logits.detached(), loss);
      grad::backward(logits, gradient);
      Tensor back = grad::gradient(seen);
      if (before_) back = held(seen.detached(), back, loss);
      grad::backward(context, back);
      if (!std::isfinite(grad::clip_gradients(trained_, 1)))
        throw Error(ErrorCode::kInternal, "the text encoder's loss is not finite");
      optimizer->step(options_.rate *
                      grad::schedule_factor(grad::Schedule::kCosine, step, options_.steps, options_.warmup));
      grad::clear_gradients(trained_);
      if (options_.on_step) options_.on_step(step, loss);
    }
    write();
    return score();
  }

 private:
  // Captions of scenes from `first` on, and what they say.
  void read(std::uint64_t first, int count) {
    texts_.resize(static_cast<std::size_t>(count));
    labels_.resize(static_cast<std::size_t>(count));
    device_.threads().parallel_for(count, [&](std::int64_t n, int) {
      const std::uint64_t index = first + static_cast<std::uint64_t>(n);
      const Scene scene = composer_.plan(index);
      const std::string& caption = pick_caption(scene, CounterRandom{options_.seed, kPick, index}.next());
      texts_[static_cast<std::size_t>(n)] = caption;
      labels_[static_cast<std::size_t>(n)] = labels_of(composer_, scene, caption);
    });
  }

  // The head over the mean of a caption's tokens.
  Tensor told(const Tensor& context) const {
    const std::int64_t tokens = context.dim(1);
    const Tensor shares = Tensor::full(device_, {1, tokens}, 1.0f / static_cast<float>(tokens));
    ops::PackedWeight mean = ops::pack_linear(device_, shares, Precision::kF32);
    mean.source = shares;  // gradients pass through it
    const Tensor means = ops::linear(ops::contiguous(context.permute({0, 2, 1})), mean);
    return ops::linear(means.reshape({context.dim(0), context.dim(2)}),
                       ops::pack_linear(device_, head_, Precision::kF32));
  }

  // Adds to the gradient and to the loss what keeps the encodings near the base's.
  Tensor held(const Tensor& context, const Tensor& gradient, double& loss) const {
    const ops::RecordingScope quiet(device_, false);
    const Tensor was = before_->captions(texts_, 1).context;
    const double weight = options_.hold / mean_square(was, nullptr);
    const grad::LossAndGradient change = grad::loss(context, was);
    loss += weight * change.value;
    return ops::combine({{1, &gradient}, {weight, &change.gradient}});
  }

  // The sum over labels of the mean cross entropy over the captions that say them.
  Tensor loss_of(const Tensor& logits, double& loss) const {
    Tensor gradient = Tensor::zeros(device_, DType::kF32, logits.shape());
    std::int64_t begin = 0;
    for (std::size_t label = 0; label < sizes_.size(); begin += sizes_[label], ++label) {
      std::vector<std::int64_t> rows;
      std::vector<int> classes;
      for (std::size_t n = 0; n < labels_.size(); ++n) {
        if (labels_[n].classes[label] < 0) continue;
        rows.push_back(static_cast<std::int64_t>(n));
        classes.push_back(labels_[n].classes[label]);
      }
      if (rows.empty()) continue;
      const std::int64_t size = sizes_[label], all = logits.dim(1);
      const auto bytes = static_cast<std::size_t>(size) * sizeof(float);
      Tensor part = Tensor::empty(device_, DType::kF32, {static_cast<std::int64_t>(rows.size()), size});
      for (std::size_t i = 0; i < rows.size(); ++i) {
        std::memcpy(part.data<float>() + static_cast<std::int64_t>(i) * size,
                    logits.data<float>() + rows[i] * all + begin, bytes);
      }
      const grad::LossAndGradient one = grad::cross_entropy(part, classes);
      loss += one.value;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        std::memcpy(gradient.data<float>() + rows[i] * all + begin,
                    one.gradient.data<float>() + static_cast<std::int64_t>(i) * size, bytes);
      }
    }
    return gradient;
  }

  TextScore score() {
    const ops::RecordingScope quiet(device_, false);
    int right[kLabels]{}, said[kLabels]{}, pairs = 0, right_pairs = 0, batches = 0;
    double changed = 0;
    for (int done = 0; done < options_.tested; done += options_.batch) {
      read(kUnseen + static_cast<std::uint64_t>(done), options_.batch);
      const Tensor context = encoder_->captions(texts_, 1).context;
      if (before_) {
        const Tensor was = before_->captions(texts_, 1).context;
        changed += mean_square(context, &was) / mean_square(was, nullptr);
        ++batches;
      }
      const Tensor logits = told(context);
      for (std::size_t n = 0; n < labels_.size(); ++n) {
        const float* row = logits.data<float>() + static_cast<std::int64_t>(n) * logits.dim(1);
        bool is_right[kLabels]{};
        for (std::size_t label = 0; label < sizes_.size(); row += sizes_[label], ++label) {
          const int wanted = labels_[n].classes[label];
          if (wanted < 0) continue;
          ++said[label];
          is_right[label] = std::max_element(row, row + sizes_[label]) - row == wanted;
          right[label] += is_right[label];
        }
        pairs += labels_[n].is_pair;
        right_pairs += labels_[n].is_pair && is_right[kFirstColour] && is_right[kSecondColour];
      }
    }
    const auto share = [&](int label) {
      return static_cast<double>(right[label]) / std::max(said[label], 1);
    };
    return {share(kFirst), share(kFirstColour), share(kGround),
            static_cast<double>(right_pairs) / std::max(pairs, 1), changed / std::max(batches, 1)};
  }

  void write() const {
    pipeline::NewValues values;
    for (const auto& [name, parameter] : encoder_->parameters())
      values.emplace(std::pair(models::ModelPart::kTextEncoder, name), parameter->value);
    pipeline::CheckpointContents all = pipeline::checkpoint_contents(base_, device_, DType::kF32, values);
    files::write_safetensors(options_.output, std::move(all.tensors), all.texts);
  }

  Device& device_;
  const pipeline::OpenModel& base_;
  const Composer& composer_;
  const TextOptions& options_;
  std::vector<int> sizes_;
  std::unique_ptr<models::TextEncoder> encoder_, before_;  // before_: the base's, with `hold`
  Tensor head_;                                            // [all classes, width]
  std::vector<grad::Trained> trained_;
  std::vector<std::string> texts_;
  std::vector<SceneLabels> labels_;
};

}  // namespace

std::vector<int> label_sizes(const Composer& composer) {
  const int things = static_cast<int>(composer.subjects().size()) + kShapes + 1;
  return {things, things, kColours + 1, kColours + 1, kColours, kColours + 1, kGridCells + 1, 3, 5, 3, 7};
}

SceneLabels labels_of(const Composer& composer, const Scene& scene, const std::string& caption) {
  SceneLabels out{std::vector<int>(kLabels, -1)};
  if (caption.empty()) return out;
  out.is_pair = says_pair(scene, caption);
  const bool texture = scene.kind == SceneKind::kTexture, placed = scene.kind == SceneKind::kPlacedEmoji;
  const Background& ground = scene.background;
  out.classes[kFirst] = what(composer, scene, 0);
  out.classes[kSecond] = what(composer, scene, 1);
  out.classes[kFirstColour] = texture ? scene.texture_colour : colour_of(scene, 0);
  out.classes[kSecondColour] = colour_of(scene, 1);
  if (names(caption, ground.colour)) {
    out.classes[kGround] = ground.colour;
    out.classes[kGroundSecond] = ground.second < 0 ? kColours : ground.second;
  }
  out.classes[kPlace] = placed ? scene.things[0].cell : kGridCells;
  out.classes[kRelation] = static_cast<int>(scene.relation);
  out.classes[kNumber] = static_cast<int>(std::min<std::size_t>(scene.things.size(), 4));
  if (placed) out.classes[kSize] = static_cast<int>(scene.things[0].size_word);
  out.classes[kTexture] = texture ? static_cast<int>(scene.texture) : 6;
  return out;
}

TextScore train_text(Device& device, const pipeline::OpenModel& base, const Composer& composer,
                     const TextOptions& options) {
  return Run(device, base, composer, options).run();
}

}  // namespace dq::mini
