// Whole runs of textual inversion on the small model: the file is one that programs know and paints, the same
// seed gives the same file, and a run that was stopped goes on to it.
#include <cmath>

#include "base/error.h"
#include "files/weight_source.h"
#include "pipeline/learned_words.h"
#include "pipeline/painter.h"
#include "train/samples.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

class Embedding : public TrainingFolder {
 protected:
  TrainRequest word(const std::string& output) {
    TrainRequest r = request(output);
    r.target = Target::kEmbedding;
    r.trigger = "sks";
    r.rate = 2e-2;
    r.embedding.initial = "red";
    return r;
  }
  Tensor vectors(const std::string& output) {
    return test::golden(*files::open_weights(folder_.path() / output), "emb_params", *device_);
  }
  static double length(const Tensor& rows, std::int64_t row) {
    double square = 0;
    for (std::int64_t i = 0; i < rows.dim(1); ++i)
      square += std::pow(static_cast<double>(rows.data<float>()[row * rows.dim(1) + i]), 2);
    return std::sqrt(square);
  }
  // Through the same code as `danqing paint --embeddings FOLDER`.
  media::Image paint(const std::string& prompt, const std::string& folder,
                     const std::string& style = "comfy") {
    pipeline::Request r;
    r.model = base_.string();
    r.prompt = prompt;
    r.reading = style == "comfy" ? text::Reading::kComfy : text::Reading::kA1111;
    r.width = r.height = 64;
    r.steps = 2;
    r.seed = 3;
    pipeline::PainterOptions options;
    options.embeddings_folder = folder;
    return pipeline::Painter(*device_, options).paint(r).images[0];
  }
};

TEST_F(Embedding, WritesAnEmbeddingThatProgramsKnow) {
  TrainerOptions o = options();
  o.logs = folder_.path() / "logs";
  const TrainResult result = train(*device_, word("my-cat.safetensors"), o);
  EXPECT_EQ(result.steps, 12);
  EXPECT_TRUE(std::isfinite(result.loss));
  const auto file = files::open_weights(result.file);
  ASSERT_EQ(file->tensors().size(), 1u);
  EXPECT_EQ(file->tensors()[0].name, "emb_params");
  EXPECT_EQ(file->tensors()[0].dtype, DType::kF32);
  EXPECT_EQ(file->tensors()[0].shape, (Shape{4, 48}));
  const auto& m = file->metadata();
  EXPECT_EQ(m.at("modelspec.architecture"), "stable-diffusion-v1/textual-inversion");
  EXPECT_EQ(m.at("modelspec.trigger_phrase"), "my-cat");
  EXPECT_EQ(m.at("ss_output_name"), "my-cat");
  EXPECT_EQ(m.at("ss_steps"), "12");
  EXPECT_EQ(m.at("sshs_model_hash").size(), 64u);
  EXPECT_FALSE(m.contains("ss_network_module"));
  EXPECT_TRUE(m.at("modelspec.thumbnail").starts_with("data:image/jpeg;base64,/9j/"));
  // The base and the word, a row for the one prompt that the trainer thought of.
  EXPECT_EQ(result.request.samples, std::vector<std::string>{"a photo of sks"});
  EXPECT_EQ(media::read_image(result.grid).width, 2 * 64 + 3 * 4);
}

TEST_F(Embedding, ChangesThePicturesThatCallIt) {
  train(*device_, word("mycat.safetensors"), options());
  const auto known = pipeline::list_learned_words({folder_.path()});
  ASSERT_TRUE(known.contains("mycat"));
  const models::LearnedWord read = pipeline::read_learned_word(known.at("mycat"), *device_);
  EXPECT_EQ(test::relative_error(read.vectors.at("clip_l"), vectors("mycat.safetensors")), 0);
  // A folder with this embedding alone: the run's state lies beside the file.
  fs::create_directories(folder_.path() / "words");
  fs::copy(known.at("mycat"), folder_.path() / "words" / "mycat.safetensors");
  const std::string words = (folder_.path() / "words").string();
  const std::string calls = "a photo of embedding:mycat here", silent = "a photo of my cat here";
  EXPECT_FALSE(paint(calls, words) == paint(calls, ""));
  EXPECT_FALSE(paint("a photo of mycat here", words, "a1111") == paint("a photo of mycat here", "", "a1111"));
  EXPECT_TRUE(paint(calls, words) == paint("a photo of mycat here", words, "a1111"));
  EXPECT_TRUE(paint(silent, words) == paint(silent, ""));
}

// Samples are painted with the file as it was written, the base with the words that the vectors began as.
TEST_F(Embedding, SamplesShowTheWordAndWhatItBeganAs) {
  TrainRequest r = word("mycat.safetensors");
  r.samples = {"a photo of SKS, red", "(embedding:mycat:1.2) there"};
  r.sample_steps = 2;
  r.keep_every = 6;
  TrainerOptions o = options();
  o.logs = folder_.path() / "logs";
  const TrainResult result = train(*device_, r, o);
  const auto paint = [&](std::vector<std::string> prompts, const fs::path& file) {
    TrainRequest with = result.request;
    with.samples = std::move(prompts);
    return paint_samples(*device_, with, {file, 1}, {});
  };
  const std::vector<media::Image> base = paint(r.samples, {}), ours = paint(r.samples, result.file),
                                  began = paint({"a photo of red, red", "(red:1.2) there"}, {});
  for (const std::size_t i : {0u, 1u}) {
    EXPECT_TRUE(base[i] == began[i]) << i;
    EXPECT_FALSE(base[i] == ours[i]) << i;
  }
  const fs::path kept = folder_.path() / "mycat-step00000006.safetensors";
  EXPECT_TRUE(media::read_image(o.logs / "sample-step00000006-1.png") == paint(r.samples, kept)[0]);
  EXPECT_FALSE(paint(r.samples, kept)[0] == ours[0]);
}

TEST_F(Embedding, TheSameSeedGivesTheSameFile) {
  train(*device_, word("out.safetensors"), options());
  const std::string first = bytes(folder_.path() / "out.safetensors");
  train(*device_, word("out.safetensors"), options());
  EXPECT_TRUE(bytes(folder_.path() / "out.safetensors") == first);
  TrainRequest other = word("out.safetensors");
  other.seed = 12;
  const Tensor before = vectors("out.safetensors");
  train(*device_, other, options());
  EXPECT_GT(test::relative_error(vectors("out.safetensors"), before), 1e-3);
}

TEST_F(Embedding, AStoppedRunGoesOnToTheSameFile) {
  TrainRequest r = word("out.safetensors");
  r.average = 0.9;
  train(*device_, r, options());
  const std::string straight = bytes(folder_.path() / "out.safetensors");
  fs::remove(folder_.path() / "out.safetensors");
  int asked = 0;
  TrainerOptions o = options();
  o.cancelled = [&asked] { return ++asked > 6 + 7; };
  EXPECT_THROW(train(*device_, r, o), Error);
  EXPECT_FALSE(fs::exists(folder_.path() / "out.safetensors"));
  o = options();
  o.resume = true;
  train(*device_, r, o);
  EXPECT_TRUE(bytes(folder_.path() / "out.safetensors") == straight);
  r.embedding.vectors = 3;
  EXPECT_THROW(train(*device_, r, o), Error);
}

TEST_F(Embedding, TheVectorsMoveAndKeepTheirLength) {
  TrainRequest r = word("out.safetensors");
  r.steps = 1;
  r.warmup = 1;  // a rate of 0: where they start
  train(*device_, r, options());
  const Tensor start = vectors("out.safetensors");
  for (const double average : {0.0, 0.9}) {
    r = word("out.safetensors");
    r.average = average;
    train(*device_, r, options());
    const Tensor kept = vectors("out.safetensors");
    EXPECT_GT(test::relative_error(kept, start), 1e-2);
    // What is written and what is trained: the run's state holds the leaves.
    const Tensor leaf =
        test::golden(*files::open_weights(state_path(r.output)), "parameter.embedding.clip_l", *device_);
    for (std::int64_t row = 0; row < 4; ++row) {
      EXPECT_NEAR(length(kept, row), length(start, 0), 1e-5 * length(start, 0)) << average;
      EXPECT_NEAR(length(leaf, row), length(start, 0), 1e-5 * length(start, 0)) << average;
    }
  }
  r = word("out.safetensors");
  r.embedding.keep_norm = false;
  train(*device_, r, options());
  const Tensor free = vectors("out.safetensors");
  EXPECT_GT(std::abs(length(free, 0) - length(start, 0)), 1e-3 * length(start, 0));
}

// The loss on the same noise must fall: four pictures, a few vectors.
TEST_F(Embedding, Learns) {
  TrainRequest r = word("out.safetensors");
  r.steps = 100;
  r.captions.shuffle = r.flip = false;
  r.save_every = 100;
  r.keep_every = 5;
  const TrainResult result = train(*device_, r, options());
  EXPECT_LT(result.validation.at(100), result.validation.at(5));
}

TEST_F(Embedding, WhatIsWrongIsToldBeforeTheFirstStep) {
  const auto refused = [&](const char* part, auto change) {
    TrainRequest r = word("out.safetensors");
    change(r);
    expect_refused(r, part);
  };
  refused("--vectors must be from 1 to 75", [](TrainRequest& r) { r.embedding.vectors = 76; });
  refused("vocabulary has nothing for “犬”", [](TrainRequest& r) { r.embedding.initial = "犬"; });
  refused("“my cat”", [](TrainRequest& r) { r.trigger = "my cat"; });
  TrainRequest many = word("out.safetensors");
  many.embedding.vectors = 1;
  many.embedding.initial = "red cat";
  many.steps = 1;
  many.warmup = 0;
  train(*device_, many, options());
  EXPECT_NE(log_.find("“red cat” has"), std::string::npos) << log_;
}

}  // namespace
}  // namespace dq::train
