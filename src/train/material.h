#pragma once
// What a run is trained on, as the denoiser takes it: latents of pictures in buckets, captions as contexts,
// noise. Everything a step gets is a function of the request's seed and the step's number.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "train/batches.h"
#include "train/denoising_step.h"
#include "train/encodings.h"
#include "train/request.h"
#include "train/validation.h"

namespace dq::train {

class Material {
 public:
  // model and request must live as long as this; the request is resolved.
  Material(const pipeline::OpenModel& model, Device& device, const TrainRequest& request, Dataset data,
           ContentCache cache, EncodingOptions options);

  // Makes what can be made before the first step. `each` is called before every picture and may throw.
  void encode(const std::function<void(std::size_t done, std::size_t all)>& each);
  // From here on captions go through this encoder at every step, with gradients, and are read with `words`.
  void train_texts(const models::TextEncoder& encoder, std::map<std::string, models::LearnedWord> words);

  // From here on steps have control pictures, which this net reads.
  void train_control(const models::ControlNet& net) { control_net_ = &net; }

  // The input of pass `number`.
  StepInput step(std::int64_t number);
  // A picture of the largest bucket, so many times, at the middle of the noise levels: what a step costs.
  StepInput largest(int times);
  // The pictures that the run is measured on.
  std::vector<ValidationItem> validation();

  const Dataset& data() const { return data_; }
  const std::map<Size, int>& buckets() const { return buckets_; }
  std::int64_t passes_per_epoch() const { return batches_->per_epoch(); }
  // A line that differs when the pictures do.
  std::string fingerprint() const;

 private:
  struct Row {
    std::size_t item;
    bool flipped;
    std::string caption;
    bool regularises;  // it holds the model to what it knew
    int crop = 0;      // which of its cuts; 0: the middle
  };
  std::vector<Row> rows_of(std::int64_t pass) const;
  // All of a step but its noise.
  StepInput shown(const std::vector<Row>& rows, Tensor& latent);
  // … and the same pictures again, by their class, where the request has them stay so.
  void add_classes(std::vector<Row>& rows) const;
  // What is said of a picture; with an embedding always with its trigger, also where captions are dropped.
  std::string caption(std::size_t item, const CaptionRule& rule, const CaptionMoment& moment) const;
  bool flips(std::size_t item) const;
  Placement placement(std::size_t item, int crop) const;
  const CaptionRule& rule_of(std::size_t item) const;
  void add_texts(const std::vector<std::string>& captions, StepInput& input);
  // Tells which rows shall stay as they are, and how the text encoder read them at first.
  void add_held(const std::vector<Row>& rows, const std::vector<std::string>& captions,
                StepInput& input) const;

  const pipeline::OpenModel& model_;
  Device& device_;
  const TrainRequest& request_;
  Dataset data_;
  Encodings encodings_;
  sampling::SigmaTable table_;
  std::vector<Placement> placements_;  // by picture, of the middle
  std::vector<int> repeats_;           // by picture, in an epoch
  std::map<Size, int> buckets_;
  ValidationChoice chosen_;
  std::vector<std::size_t> shown_;  // the pictures that are trained on
  bool regularising_ = false;       // are there pictures of regularisation?
  std::string class_words_;
  std::unique_ptr<Batches> batches_;
  const models::TextEncoder* encoder_ = nullptr;
  std::map<std::string, models::LearnedWord> words_;
  const models::ControlNet* control_net_ = nullptr;
};

}  // namespace dq::train
