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
#include "weights/without_adapters.h"

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
      chosen_(choose_validation(data_, request.seed)),
      regularising_(data_.training_pictures() < data_.pictures.size()),
      class_words_(class_words(data_, request.trigger)) {
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
    if (!learns_through_text(request_)) {
      std::vector<Row> rows{{i, false, caption(i, rule_of(i), {}), false}};
      add_classes(rows);
      for (const Row& row : rows) encodings_.caption(row.caption);
    }
    for (int crop = 0; crop < request_.crops; ++crop) {
      const Placement place = placement(i, crop);
      encodings_.latent(picture, place, false);
      if (flips(i)) encodings_.latent(picture, place, true);
    }
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

Placement Material::placement(std::size_t item, int crop) const {
  if (crop == 0) return placements_[item];
  return jittered(placements_[item],
                  CounterRandom{request_.seed, 0xc209, item, static_cast<std::uint64_t>(crop)});
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

std::vector<Material::Row> Material::rows_of(std::int64_t pass) const {
  const Batch batch = batches_->at(pass);
  const auto number = static_cast<std::uint64_t>(pass);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    const std::size_t item = shown_[batch.items[i]];
    CounterRandom random{request_.seed, 0xf11b, number, i};
    const bool flipped = flips(item) && random.uniform() < 0.5;
    const CaptionMoment moment{request_.seed + item, static_cast<int>(number), batch.epoch};
    CounterRandom cut{request_.seed, 0xc20b, number, i};
    const auto crop = static_cast<int>(cut.below(static_cast<std::uint64_t>(request_.crops)));
    rows.push_back(
        {item, flipped, caption(item, rule_of(item), moment), data_.regularises(data_.pictures[item]), crop});
  }
  add_classes(rows);
  return rows;
}

// A caption without the trigger is learned as it stands: it cannot be held too.
void Material::add_classes(std::vector<Row>& rows) const {
  if (!request_.preserve || regularising_) return;
  for (std::size_t i = 0, n = rows.size(); i < n; ++i) {
    const std::string caption = class_caption(rows[i].caption, request_.trigger, class_words_);
    if (caption.empty() || caption != rows[i].caption)
      rows.push_back({rows[i].item, rows[i].flipped, caption, true, rows[i].crop});
  }
}

void Material::add_held(const std::vector<Row>& rows, const std::vector<std::string>& captions,
                        StepInput& input) const {
  if (!request_.preserve) return;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].regularises) input.held.push_back(static_cast<std::int64_t>(i));
  }
  if (!encoder_ || input.held.empty()) return;
  const ops::RecordingScope quiet(device_, false);
  const weights::WithoutAdapters alone(encoder_->parameters());
  const models::Conditioning text = encoder_->captions(captions, request_.clip_skip, words_);
  input.own_context = text.context;
  input.own_pooled = text.pooled;
}

StepInput Material::shown(const std::vector<Row>& rows, Tensor& latent) {
  std::vector<Tensor> latents, masks, controls;
  std::vector<std::string> captions;
  bool any_mask = false;
  for (const Row& row : rows) {
    const TrainingPicture& picture = data_.pictures[row.item];
    const Placement place = placement(row.item, row.crop);
    latents.push_back(encodings_.latent(picture, place, row.flipped));
    masks.push_back(encodings_.mask(picture, place, row.flipped));
    if (control_net_) controls.push_back(encodings_.control(picture, place, row.flipped));
    any_mask |= masks.back().defined();
    captions.push_back(row.caption);
  }
  StepInput input;
  add_texts(captions, input);
  add_held(rows, captions, input);
  if (control_net_) {
    input.control_net = control_net_;
    input.control_pictures = ops::concat(controls, 0);
  }
  latent = ops::concat(latents, 0);
  if (any_mask) {
    for (Tensor& mask : masks) {
      if (!mask.defined()) mask = Tensor::full(device_, {1, 1, latent.dim(2), latent.dim(3)}, 1);
    }
    input.mask = ops::concat(masks, 0);
  }
  return input;
}

StepInput Material::step(std::int64_t pass) {
  const std::vector<Row> rows = rows_of(pass);
  Tensor latent;
  StepInput input = shown(rows, latent);
  input.batch =
      noise_batch(latent, table_, request_.objective, request_.seed, static_cast<std::uint64_t>(pass));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].regularises) continue;
    if (request_.preserve) input.batch.weights[i] = 1;
    input.batch.weights[i] *= request_.prior_weight;
  }
  return input;
}

StepInput Material::largest(int times) {
  const auto area = [&](std::size_t i) {
    return static_cast<std::int64_t>(placements_[i].bucket.width) * placements_[i].bucket.height;
  };
  const std::size_t item = *std::max_element(shown_.begin(), shown_.end(),
                                             [&](std::size_t a, std::size_t b) { return area(a) < area(b); });
  const Row row{item, false, caption(item, rule_of(item), {}), request_.preserve && regularising_};
  std::vector<Row> rows(static_cast<std::size_t>(times), row);
  add_classes(rows);
  Tensor latent;
  StepInput out = shown(rows, latent);
  out.batch = noise_batch_at(latent, table_, request_.objective, std::vector<double>(rows.size(), 500),
                             request_.seed);
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
                     control_net_ ? encodings_.control(picture, placements_[i], false) : Tensor{}});
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
