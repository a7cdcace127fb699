// Which captions a step gets, seen by a text encoder that writes them down.
#include "train/material.h"

#include <gtest/gtest.h>

#include <set>

#include "text/own_word.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

class Listener final : public models::TextEncoder {
 public:
  explicit Listener(Device& device) : device_(device) {}
  models::Conditioning operator()(const text::PromptOptions&, std::string_view,
                                  const std::map<std::string, models::LearnedWord>&, int) const override {
    return {};
  }
  models::Conditioning captions(std::span<const std::string> texts, int,
                                const std::map<std::string, models::LearnedWord>& words) const override {
    for (const auto& [name, word] : words) names.insert(name);
    heard.insert(heard.end(), texts.begin(), texts.end());
    return {Tensor::zeros(device_, DType::kF32, {static_cast<std::int64_t>(texts.size()), 77, 48}), {}, {}};
  }
  mutable std::vector<std::string> heard;
  mutable std::set<std::string> names;

 private:
  Device& device_;
};

class MaterialTest : public LoadedTrainingFolder {
 protected:
  MaterialTest() {
    request_ = request("out.safetensors");
    request_.target = Target::kEmbedding;
    request_.trigger = "zwx";
    request_.batch = 1;
    request_.captions = {};
    fs::remove(pictures_ / "b.txt");  // its name, "b", says nothing either
  }
  // What the encoder hears in steps 0 … 19, and of the pictures that the run is measured on.
  std::vector<std::string> heard() {
    DatasetOptions look;
    look.resolution = 64;
    look.trigger = request_.trigger;
    const TrainRequest r = resolve(request_, {4, 64, models::Prediction::kEps});
    Material material(model_, *device_, r, read_dataset(pictures_, look, device_->threads()),
                      ContentCache(""), {});
    Listener listener(*device_);
    material.train_texts(listener, {{"zwx", {}}});
    for (int pass = 0; pass < 20; ++pass) material.step(pass);
    material.validation();
    EXPECT_EQ(listener.names, std::set<std::string>{"zwx"});
    return listener.heard;
  }

  TrainRequest request_;
};

TEST_F(MaterialTest, EveryCaptionOfAnEmbeddingHoldsItsWord) {
  std::ofstream(pictures_ / "a.txt") << "a small Zwx, picture 0";
  std::ofstream(pictures_ / "c.txt") << "sks zwxy, picture 2";  // another word
  std::set<std::string> texts, neutral;
  for (const std::string& text : heard()) {
    EXPECT_TRUE(text::holds_word(text, "zwx")) << text;
    (text.find("sks") == std::string::npos && text.find("picture 0") == std::string::npos ? neutral : texts)
        .insert(text);
  }
  EXPECT_EQ(texts, (std::set<std::string>{"a small Zwx, picture 0", "zwx, sks zwxy, picture 2",
                                          "zwx, sks, picture 3"}));
  // Five steps with the picture that has none, and the measurement.
  EXPECT_GT(neutral.size(), 2u);
  EXPECT_LE(neutral.size(), 6u);
  // A function of the seed and the step.
  const std::vector<std::string> first = heard();
  EXPECT_EQ(heard(), first);
  request_.seed = 12;
  EXPECT_NE(heard(), first);
}

TEST_F(MaterialTest, AlsoWhereCaptionsAreDroppedTheWordStays) {
  request_.captions.dropout = 1;
  const std::vector<std::string> all = heard();
  int alone = 0;
  for (int step = 0; step < 20; ++step) alone += all[static_cast<std::size_t>(step)] == "zwx" ? 1 : 0;
  EXPECT_EQ(alone, 15);  // the picture without a caption has its neutral ones
}

TEST_F(MaterialTest, AStyleHasCaptionsOfItsOwn) {
  request_.embedding.style = true;
  int styles = 0;
  for (const std::string& text : heard()) styles += text.find("style") != std::string::npos ? 1 : 0;
  EXPECT_GT(styles, 2);
}

TEST_F(MaterialTest, ALorasCaptionsStayWhatTheyAre) {
  request_.target = Target::kLora;
  request_.trigger = "";
  const std::vector<std::string> all = heard();
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()),
            (std::set<std::string>{"", "sks, picture 0", "sks, picture 2", "sks, picture 3"}));
}

}  // namespace
}  // namespace dq::train
