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
  kThing,
  kColour,
  kGround,
  kGroundSecond,
  kPlace,
  kRelation,
  kNumber,
  kSize,
  kTexture,
  kSlot,
  kLabels
};

constexpr std::uint64_t kPick = 0x7e97;
constexpr std::uint64_t kUnseen = std::uint64_t{1} << 41;  // far from what was trained on

// A subject by its place among the composer's, then the shapes.
int kind_of(const Composer& composer, const Thing& thing) {
  const auto& all = composer.subjects();
  if (thing.shape >= 0) return static_cast<int>(all.size()) + thing.shape;
  return static_cast<int>(std::find(all.begin(), all.end(), thing.emoji) - all.begin());
}

// Of the scene's things the one that a slot tells, or −1. What is listed without a place goes round.
int thing_of(const Scene& scene, const std::string& caption, int slot) {
  if (scene.things.empty()) return -1;
  if (scene.relation == Relation::kNone || !says_relation(caption))
    return slot % static_cast<int>(scene.things.size());
  const bool is_beside = scene.relation == Relation::kLeftOf;
  return is_beside == (slot < 2) ? slot % 2 : -1;
}

bool names(const std::string& caption, int colour) {
  const NamedColour& named = palette()[static_cast<std::size_t>(colour)];
  return caption.find(named.en) != std::string::npos || caption.find(named.zh) != std::string::npos;
}

// The mean of the squares.
double power(const Tensor& x) {
  return grad::loss(x, Tensor::zeros(x.device(), x.dtype(), x.shape())).value;
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
    alone_.assign(static_cast<std::size_t>(count), {});
    captions_.resize(static_cast<std::size_t>(count));
    device_.threads().parallel_for(count, [&](std::int64_t n, int) {
      const std::uint64_t index = first + static_cast<std::uint64_t>(n);
      const Scene scene = composer_.plan(index);
      const std::string& caption = pick_caption(scene, CounterRandom{options_.seed, kPick, index}.next());
      texts_[static_cast<std::size_t>(n)] = caption;
      if (before_) alone_[static_cast<std::size_t>(n)] = alone(scene, caption);
      captions_[static_cast<std::size_t>(n)] = labels_of(composer_, scene, caption);
    });
  }

  // The head over the means of each caption's tokens: those of each slot, then all. [captions · kParts,
  // classes]
  Tensor told(const Tensor& context) const {
    const std::int64_t tokens = context.dim(1), width = context.dim(2);
    Tensor shares = Tensor::zeros(device_, DType::kF32, {kParts, tokens});
    for (std::int64_t part = 0; part < kParts; ++part) {
      const bool is_slot = part < kSlots;
      const std::int64_t first = is_slot ? part : 0, stride = is_slot ? kSlots : 1;
      const std::int64_t count = (tokens - first + stride - 1) / stride;
      for (std::int64_t t = first; t < tokens; t += stride)
        shares.data<float>()[part * tokens + t] = 1.0f / static_cast<float>(count);
    }
    ops::PackedWeight means = ops::pack_linear(device_, shares, Precision::kF32);
    means.source = shares;  // gradients pass through it
    const Tensor parts = ops::linear(ops::contiguous(context.permute({0, 2, 1})), means);
    return ops::linear(ops::contiguous(parts.permute({0, 2, 1})).reshape({context.dim(0) * kParts, width}),
                       ops::pack_linear(device_, head_, Precision::kF32));
  }

  // What the two things of a caption would be called alone, for the slots that tell them; none: nothing.
  struct Alone {
    int slot = 0;  // of the first; the second's is the next
    std::array<std::string, 2> captions;
  };
  Alone alone(const Scene& scene, const std::string& caption) const {
    if (scene.relation == Relation::kNone || !says_relation(caption)) return {};
    Alone out{scene.relation == Relation::kLeftOf ? 0 : 2, {}};
    const bool is_english = caption.find("background") != std::string::npos;
    for (std::size_t i = 0; i < 2; ++i) {
      Scene one = scene;
      one.kind = SceneKind::kEmoji;  // whose captions name no place
      one.things = {scene.things[i]};
      one.relation = Relation::kNone;
      const Language language = is_english ? Language::kEnglish : Language::kChinese;
      bool says_background = false;
      for (std::uint64_t k = 0; !says_background; ++k) {
        Draws draws(options_.seed, k);
        out.captions[i] =
            without_marks(sentence(one, composer_.catalogue(), language, draws, says_background));
      }
    }
    return out;
  }

  // What the encodings are held to: the base's of the same captions, and in the slots of two things those
  // that it has for each alone.
  Tensor wanted() const {
    Tensor out = before_->captions(texts_, 1).context;
    std::vector<std::string> singles;
    for (const Alone& a : alone_) {
      if (!a.captions[0].empty()) singles.insert(singles.end(), a.captions.begin(), a.captions.end());
    }
    if (singles.empty()) return out;
    const Tensor of_singles = before_->captions(singles, 1).context;
    // A long caption takes two windows of tokens where a short one takes one.
    const std::int64_t tokens = out.dim(1), told = of_singles.dim(1), width = out.dim(2);
    std::int64_t next = 0;
    for (std::size_t n = 0; n < alone_.size(); ++n) {
      if (alone_[n].captions[0].empty()) continue;
      for (int i = 0; i < 2; ++i, ++next) {
        for (std::int64_t t = alone_[n].slot + i; t < std::min(tokens, told); t += kSlots) {
          std::memcpy(out.data<float>() + (static_cast<std::int64_t>(n) * tokens + t) * width,
                      of_singles.data<float>() + (next * told + t) * width,
                      static_cast<std::size_t>(width) * sizeof(float));
        }
      }
    }
    return out;
  }

  // Adds to the gradient and to the loss what keeps the encodings near the base's.
  Tensor held(const Tensor& context, const Tensor& gradient, double& loss) const {
    const ops::RecordingScope quiet(device_, false);
    const Tensor was = wanted();
    const double weight = options_.hold / power(was);
    const grad::LossAndGradient change = grad::loss(context, was);
    loss += weight * change.value;
    return ops::combine({{1, &gradient}, {weight, &change.gradient}});
  }

  // The sum over labels of the mean cross entropy over the rows that tell them.
  Tensor loss_of(const Tensor& logits, double& loss) const {
    Tensor gradient = Tensor::zeros(device_, DType::kF32, logits.shape());
    std::int64_t begin = 0;
    for (std::size_t label = 0; label < sizes_.size(); begin += sizes_[label], ++label) {
      std::vector<std::int64_t> rows;
      std::vector<int> classes;
      for (std::size_t n = 0; n < captions_.size() * kParts; ++n) {
        const int wanted = captions_[n / kParts].classes[n % kParts][label];
        if (wanted < 0) continue;
        rows.push_back(static_cast<std::int64_t>(n));
        classes.push_back(wanted);
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
        const Tensor was = wanted();
        changed += grad::loss(context, was).value / power(was);
        ++batches;
      }
      const Tensor logits = told(context);
      for (std::size_t n = 0; n < captions_.size(); ++n) {
        int right_colours = 0, colours = 0;
        for (std::size_t part = 0; part < kParts; ++part) {
          const float* row =
              logits.data<float>() + static_cast<std::int64_t>(n * kParts + part) * logits.dim(1);
          for (std::size_t label = 0; label < sizes_.size(); row += sizes_[label], ++label) {
            const int wanted = captions_[n].classes[part][label];
            if (wanted < 0) continue;
            const bool is_right = std::max_element(row, row + sizes_[label]) - row == wanted;
            ++said[label];
            right[label] += is_right;
            if (label == kColour) ++colours, right_colours += is_right;
          }
        }
        pairs += captions_[n].is_pair;
        right_pairs += captions_[n].is_pair && colours == right_colours;
      }
    }
    const auto share = [&](int label) {
      return static_cast<double>(right[label]) / std::max(said[label], 1);
    };
    return {share(kThing), share(kColour), share(kGround),
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
  std::vector<Alone> alone_;
  std::vector<SceneLabels> captions_;
};

}  // namespace

std::vector<int> label_sizes(const Composer& composer) {
  const int things = static_cast<int>(composer.subjects().size()) + kShapes + 1;
  return {things, kColours + 1, kColours, kColours + 1, kGridCells + 1, 3, 5, 3, 7, kSlots};
}

SceneLabels labels_of(const Composer& composer, const Scene& scene, const std::string& caption) {
  SceneLabels out;
  out.classes.fill(std::vector<int>(kLabels, -1));
  if (caption.empty()) return out;
  out.is_pair = says_pair(scene, caption);
  const bool texture = scene.kind == SceneKind::kTexture, placed = scene.kind == SceneKind::kPlacedEmoji;
  for (int slot = 0; slot < kSlots; ++slot) {
    std::vector<int>& classes = out.classes[static_cast<std::size_t>(slot)];
    classes[kThing] = static_cast<int>(composer.subjects().size()) + kShapes;
    classes[kColour] = texture ? scene.texture_colour : kColours;
    classes[kSlot] = slot;
    const int i = thing_of(scene, caption, slot);
    if (i < 0) continue;
    const Thing& thing = scene.things[static_cast<std::size_t>(i)];
    classes[kThing] = kind_of(composer, thing);
    if (thing.shape >= 0) classes[kColour] = thing.colour;
  }
  std::vector<int>& whole = out.classes[kSlots];
  const Background& ground = scene.background;
  if (names(caption, ground.colour)) {
    whole[kGround] = ground.colour;
    whole[kGroundSecond] = ground.second < 0 ? kColours : ground.second;
  }
  whole[kPlace] = placed ? scene.things[0].cell : kGridCells;
  whole[kRelation] = static_cast<int>(scene.relation);
  whole[kNumber] = static_cast<int>(std::min<std::size_t>(scene.things.size(), 4));
  if (placed) whole[kSize] = static_cast<int>(scene.things[0].size_word);
  whole[kTexture] = texture ? static_cast<int>(scene.texture) : 6;
  return out;
}

TextScore train_text(Device& device, const pipeline::OpenModel& base, const Composer& composer,
                     const TextOptions& options) {
  return Run(device, base, composer, options).run();
}

}  // namespace dq::mini
