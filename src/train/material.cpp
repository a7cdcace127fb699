#include "train/material.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/counter_random.h"
#include "base/error.h"
#include "base/sha256.h"
#include "ops/elementwise.h"
#include "ops/gradient.h"
#include "train/regularisation.h"
#include "train/trigger.h"

namespace dq::train {
namespace {

BucketRule rule_for(const TrainRequest& request, int cell) {
  const int resolution = request.resolution;
  const BucketOptions& asked = request.buckets;
  BucketRule rule;
  rule.resolution = {resolution, resolution};
  rule.smallest = asked.smallest > 0 ? asked.smallest : std::min(256, resolution / 2);
  rule.largest = asked.largest > 0 ? asked.largest : 2 * resolution;
  const int step = resolution >= 512 ? 64 : std::max(cell * 2, resolution / 8 / cell * cell);
  rule.step = asked.step > 0 ? asked.step : step;
  rule.upscale = asked.upscale;
  if (rule.step % cell != 0 || rule.smallest > rule.largest) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("buckets from {} to {} in steps of {} cannot be made", rule.smallest,
                            rule.largest, rule.step))
        .hint(
            fmt::format("Steps are multiples of {}, and the smallest side is not above the largest.", cell));
  }
  return rule;
}

}  // namespace

Material::Material(const pipeline::OpenModel& model, Device& device, const TrainRequest& request,
                   Dataset data, ContentCache cache, EncodingOptions options)
    : model_(model),
      device_(device),
      request_(request),
      data_(std::move(data)),
      encodings_(model, device, std::move(cache), std::move(options)),
      table_(model.variant.schedule, model.variant.prediction),
      chosen_(choose_validation(data_, request.seed)) {
  const BucketRule rule = rule_for(request_, model_.family->latent_format().downscale);
  std::vector<BatchItem> items;
  repeats_ = repeats_in_epoch(data_, chosen_.held_out ? chosen_.pictures : std::vector<std::size_t>{});
  for (std::size_t i = 0; i < data_.pictures.size(); ++i) {
    const TrainingPicture& picture = data_.pictures[i];
    placements_.push_back(place(rule, picture.size));
    buckets_[placements_.back().bucket] += data_.regularises(picture) ? repeats_[i] : picture.repeats;
    if (repeats_[i] == 0) continue;
    items.push_back({placements_.back().bucket, repeats_[i]});
    shown_.push_back(i);
  }
  batches_ = std::make_unique<Batches>(std::move(items), request_.batch, request_.seed);
}

void Material::encode(const std::function<void(std::size_t, std::size_t)>& each) {
  for (std::size_t i = 0; i < data_.pictures.size(); ++i) {
    const TrainingPicture& picture = data_.pictures[i];
    each(i, data_.pictures.size());
    if (data_.regularises(picture) && repeats_[i] == 0) continue;  // there are more than the run shows
    if (!learns_through_text(request_)) encodings_.caption(caption(i, rule_of(i), {}));
    encodings_.latent(picture, placements_[i], false);
    if (flips(i)) encodings_.latent(picture, placements_[i], true);
  }
  encodings_.release();
}

void Material::train_texts(const models::TextEncoder& encoder,
                           std::map<std::string, models::LearnedWord> words) {
  encoder_ = &encoder;
  words_ = std::move(words);
}

bool Material::flips(std::size_t item) const {
  return data_.subsets[data_.pictures[item].subset].flip.value_or(request_.flip);
}

const CaptionRule& Material::rule_of(std::size_t item) const {
  const std::optional<CaptionRule>& own = data_.subsets[data_.pictures[item].subset].captions;
  return own ? *own : request_.captions;
}

std::string Material::caption(std::size_t item, const CaptionRule& rule, const CaptionMoment& moment) const {
  const TrainingPicture& picture = data_.pictures[item];
  if (request_.target != Target::kEmbedding || data_.regularises(picture))
    return caption_for(picture.caption, rule, moment);
  if (picture.source != CaptionSource::kNone) {
    return with_word(caption_for(picture.caption, rule, moment), request_.trigger);
  }
  CounterRandom random{moment.seed, 0x7e3, static_cast<std::uint64_t>(moment.step)};
  const Subject subject = request_.embedding.style ? Subject::kStyle : Subject::kThing;
  return neutral_caption(request_.trigger, subject, random.next());
}

// Shorter texts are filled up with windows that say nothing.
void Material::add_texts(const std::vector<std::string>& captions, StepInput& input) {
  if (encoder_) {
    const models::Conditioning text = encoder_->captions(captions, request_.clip_skip, words_);
    input.context = text.context;
    input.pooled = text.pooled;
    return;
  }
  std::vector<Tensor> contexts, pooled;
  std::int64_t tokens = 0;
  for (const std::string& caption : captions) {
    const models::Conditioning text = encodings_.caption(caption);
    contexts.push_back(text.context);
    tokens = std::max(tokens, text.context.dim(1));
    if (text.pooled.defined()) pooled.push_back(text.pooled);
  }
  for (Tensor& context : contexts) {
    while (context.dim(1) < tokens) context = ops::concat({context, encodings_.caption("").context}, 1);
  }
  input.context = ops::concat(contexts, 0);
  if (!pooled.empty()) input.pooled = ops::concat(pooled, 0);
}

Tensor Material::control_picture(std::size_t item, bool flipped) {
  if (!control_net_) return {};
  return encodings_.control(data_.pictures[item], placements_[item], flipped);
}

StepInput Material::step(std::int64_t pass) {
  const Batch batch = batches_->at(pass);
  const auto number = static_cast<std::uint64_t>(pass);
  std::vector<Tensor> latents, masks, controls;
  std::vector<std::string> captions;
  bool any_mask = false;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    const std::size_t item = shown_[batch.items[i]];
    const TrainingPicture& picture = data_.pictures[item];
    CounterRandom random{request_.seed, 0xf11b, number, i};
    const bool flipped = flips(item) && random.uniform() < 0.5;
    latents.push_back(encodings_.latent(picture, placements_[item], flipped));
    masks.push_back(encodings_.mask(picture, placements_[item], flipped));
    if (control_net_) controls.push_back(control_picture(item, flipped));
    any_mask |= masks.back().defined();
    const CaptionMoment moment{request_.seed + item, static_cast<int>(number), batch.epoch};
    captions.push_back(caption(item, rule_of(item), moment));
  }
  StepInput input;
  add_texts(captions, input);
  if (control_net_) {
    input.control_net = control_net_;
    input.control_pictures = ops::concat(controls, 0);
  }
  const Tensor latent = ops::concat(latents, 0);
  if (any_mask) {
    for (Tensor& mask : masks) {
      if (!mask.defined()) mask = Tensor::full(device_, {1, 1, latent.dim(2), latent.dim(3)}, 1);
    }
    input.mask = ops::concat(masks, 0);
  }
  input.batch = noise_batch(latent, table_, request_.objective, request_.seed, number);
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    if (data_.regularises(data_.pictures[shown_[batch.items[i]]]))
      input.batch.weights[i] *= request_.prior_weight;
  }
  return input;
}

StepInput Material::largest() {
  const auto area = [&](std::size_t i) {
    return static_cast<std::int64_t>(placements_[i].bucket.width) * placements_[i].bucket.height;
  };
  const std::size_t item = *std::max_element(shown_.begin(), shown_.end(),
                                             [&](std::size_t a, std::size_t b) { return area(a) < area(b); });
  StepInput out;
  add_texts({caption(item, rule_of(item), {})}, out);
  const Tensor latent = encodings_.latent(data_.pictures[item], placements_[item], false);
  out.batch = noise_batch_at(latent, table_, request_.objective, {500}, request_.seed);
  out.control_net = control_net_;
  out.control_pictures = control_picture(item, false);
  return out;
}

std::vector<ValidationItem> Material::validation() {
  const ops::RecordingScope quiet(device_, false);
  std::vector<ValidationItem> items;
  for (const std::size_t i : chosen_.pictures) {
    const TrainingPicture& picture = data_.pictures[i];
    StepInput text;
    add_texts({caption(i, {}, {.seed = i})}, text);
    items.push_back({encodings_.latent(picture, placements_[i], false), text.context, text.pooled,
                     control_picture(i, false)});
  }
  return items;
}

std::string Material::fingerprint() const {
  std::string list;
  for (const TrainingPicture& picture : data_.pictures)
    list += fmt::format("{} {} {} {}\n", picture.sha256 + picture.control_sha256, picture.repeats,
                        picture.subset, picture.caption);
  for (const Subset& subset : data_.subsets) {
    list += fmt::format("{} {}\n", subset.regularisation, subset.dataset);
    if (subset.captions) list += to_text(*subset.captions) + "\n";
    if (subset.flip) list += *subset.flip ? "flipped\n" : "as it is\n";
  }
  const std::string digest = sha256_hex(std::as_bytes(std::span(list)));
  return fmt::format("pictures {} {}\n", data_.pictures.size(), digest.substr(0, 16));
}

}  // namespace dq::train
