#include "train/request.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace dq::train {
namespace {

TrainingFacts facts(std::size_t pictures) {
  return {.pictures = pictures, .native_size = 512, .prediction = models::Prediction::kEps};
}

TEST(TrainRequestTest, DefaultsGoByTheNumberOfPictures) {
  const TrainRequest few = resolve({}, facts(3)), some = resolve({}, facts(15)),
                     many = resolve({}, facts(500));
  EXPECT_EQ(few.steps, 600);
  EXPECT_EQ(some.steps, 900);
  EXPECT_EQ(many.steps, 1500);
  EXPECT_EQ(few.network.rank, 16);
  EXPECT_EQ(many.network.rank, 32);
  EXPECT_EQ(some.network.alpha, 16);
  EXPECT_EQ(some.resolution, 512);
  EXPECT_EQ(some.rate, 2e-4);
  EXPECT_EQ(some.text_rate, 5e-5);
  EXPECT_EQ(some.warmup, 45);
  EXPECT_EQ(resolve({}, facts(1)).batch, 1);
  TrainRequest own;
  own.steps = 10;
  own.rate = 1e-3;
  EXPECT_EQ(resolve(own, facts(15)).steps, 10);
  EXPECT_EQ(resolve(own, facts(15)).warmup, 0);
  EXPECT_EQ(resolve(own, facts(15)).rate, 1e-3);
}

TrainRequest embedding() {
  TrainRequest r;
  r.target = Target::kEmbedding;
  r.trigger = "my-cat";
  r.output = "out/my-cat.safetensors";
  return r;
}

TEST(TrainRequestTest, AnEmbeddingsDefaultsAreItsOwn) {
  const TrainRequest few = resolve(embedding(), facts(5)), many = resolve(embedding(), facts(50));
  EXPECT_EQ(few.embedding.vectors, 4);
  EXPECT_EQ(few.embedding.initial, "object");
  EXPECT_TRUE(few.embedding.keep_norm);
  EXPECT_EQ(few.steps, 1500);
  EXPECT_EQ(many.steps, 2500);
  EXPECT_EQ(few.rate, 5e-3);
  EXPECT_EQ(few.last_rate, 0.1);
  EXPECT_EQ(few.schedule, "cosine");
  EXPECT_EQ(resolve({}, facts(5)).last_rate, 0);
  TrainRequest style = embedding();
  style.embedding.style = true;
  EXPECT_EQ(resolve(style, facts(5)).embedding.initial, "style");
  TrainingFacts cats = facts(5);
  cats.class_words = "cat";
  EXPECT_EQ(resolve(embedding(), cats).embedding.initial, "cat");
  EXPECT_TRUE(learns_through_text(few));
  EXPECT_FALSE(learns_through_text({}));
}

TEST(TrainRequestTest, WhatCannotBeAnEmbeddingIsToldWithAWayOut) {
  const auto refused = [](const char* part, auto change) {
    TrainRequest r = embedding();
    change(r);
    try {
      resolve(r, facts(5));
      ADD_FAILURE() << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
      EXPECT_EQ(error.hint().empty(), part[0] == '-') << part;  // a range is its own way out
    }
  };
  refused("--vectors", [](TrainRequest& r) { r.embedding.vectors = 76; });
  refused("--vectors", [](TrainRequest& r) { r.embedding.vectors = 0; });
  refused("needs a word", [](TrainRequest& r) { r.trigger = ""; });
  for (const char* word : {"my cat", " ", "a,b", "(cat)", "cat]", "<cat>", "a:b", "a/b", "a\nb"})
    refused("cannot be called", [&](TrainRequest& r) { r.trigger = word; });
  refused("the output's name", [](TrainRequest& r) { r.output = "my cat.safetensors"; });
  refused("holds no words", [](TrainRequest& r) { r.embedding.initial = "  "; });
  refused("text encoder", [](TrainRequest& r) { r.train_text_encoder = true; });
  EXPECT_NO_THROW(resolve(embedding(), facts(5)));
  // A LoRA's trigger is text like any other.
  TrainRequest lora;
  lora.trigger = "my cat, (sitting)";
  EXPECT_NO_THROW(resolve(lora, facts(5)));
}

TEST(TrainRequestTest, OutOfRangeIsRefusedByName) {
  const auto refused = [](const char* option, auto change) {
    TrainRequest r;
    change(r);
    try {
      resolve(r, facts(5));
      ADD_FAILURE() << option;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(option), std::string::npos) << error.message();
    }
  };
  refused("--steps", [](TrainRequest& r) { r.steps = -1; });
  refused("--batch", [](TrainRequest& r) { r.batch = 5000; });
  refused("--rate", [](TrainRequest& r) { r.rate = std::numeric_limits<double>::quiet_NaN(); });
  refused("--rank", [](TrainRequest& r) { r.network.rank = 10000; });
  refused("--warmup", [](TrainRequest& r) { r.steps = 10, r.warmup = 11; });
  refused("--decay-steps",
          [](TrainRequest& r) { r.schedule = "constant", r.steps = 10, r.warmup = 2, r.decay_steps = 9; });
  refused("falls by itself", [](TrainRequest& r) { r.steps = 10, r.warmup = 2, r.decay_steps = 3; });
  refused("--noise-offset", [](TrainRequest& r) { r.objective.noise_offset = -0.1; });
  refused("--min-timestep", [](TrainRequest& r) { r.objective.first = 1; });
  refused("--max-timestep", [](TrainRequest& r) { r.objective.first = 0.5, r.objective.last = 0.5; });
}

TEST(TrainRequestTest, TheTextTellsRunsApart) {
  const TrainRequest one = resolve({}, facts(5));
  EXPECT_EQ(to_text(one), to_text(resolve({}, facts(5))));
  TrainRequest other = one;
  other.seed = 1;
  EXPECT_NE(to_text(other), to_text(one));
  other = one;
  other.save_every = 7;  // does not change what is learned
  EXPECT_EQ(to_text(other), to_text(one));
  // States of runs without embeddings stay what they were.
  EXPECT_EQ(to_text(one).find("vectors"), std::string::npos);
  EXPECT_EQ(to_text(one).find("last_rate"), std::string::npos);
  const TrainRequest word = resolve(embedding(), facts(5));
  for (const auto change : {+[](TrainRequest& r) { r.embedding.vectors = 5; },
                            +[](TrainRequest& r) { r.embedding.initial = "dog"; },
                            +[](TrainRequest& r) { r.embedding.style = true; },
                            +[](TrainRequest& r) { r.embedding.keep_norm = false; },
                            +[](TrainRequest& r) { r.last_rate = 0.2; }}) {
    other = word;
    change(other);
    EXPECT_NE(to_text(other), to_text(word));
  }
}

}  // namespace
}  // namespace dq::train
