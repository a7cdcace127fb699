// Regularisation pictures beside those of a subject. The numbers are what sd-scripts' loop over its reg_infos
// gives.
#include "train/regularisation.h"

#include "base/error.h"
#include "files/weight_source.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

Dataset dataset(const std::vector<int>& training, const std::vector<int>& regularising) {
  Dataset out;
  out.subsets.resize(2);
  out.subsets[1].regularisation = true;
  const auto add = [&](const std::vector<int>& repeats, std::size_t subset) {
    for (const int n : repeats) {
      TrainingPicture picture;
      picture.repeats = n;
      picture.subset = subset;
      out.pictures.push_back(picture);
    }
  };
  add(training, 0);
  add(regularising, 1);
  return out;
}

TEST(Regularisation, AsManyShowingsAsTheTrainingPictures) {
  // Too few: each in turn once more, until there are as many.
  EXPECT_EQ(repeats_in_epoch(dataset({3, 4}, {1, 1, 1}), {}), (std::vector<int>{3, 4, 3, 2, 2}));
  EXPECT_EQ(repeats_in_epoch(dataset({5}, {2, 1}), {}), (std::vector<int>{5, 3, 2}));
  // Enough: the rest is not used; the last one that is keeps its own repeats.
  EXPECT_EQ(repeats_in_epoch(dataset({2, 2}, {3, 3, 3}), {}), (std::vector<int>{2, 2, 3, 3, 0}));
  EXPECT_EQ(repeats_in_epoch(dataset({1}, {1, 1}), {}), (std::vector<int>{1, 1, 0}));
  // Those that are held out of training ask for none.
  EXPECT_EQ(repeats_in_epoch(dataset({2, 2, 2}, {1}), {1}), (std::vector<int>{2, 0, 2, 4}));
  EXPECT_EQ(repeats_in_epoch(dataset({2}, {}), {}), std::vector<int>{2});
}

// Two pictures beside three of regularisation, and two others ten times: sd-scripts shows (2 + 2) + 20 an
// epoch.
TEST(Regularisation, EachDatasetByItself) {
  Dataset data = dataset({1, 1, 10, 10}, {1, 1, 1});
  data.subsets.push_back({.folder = {}, .regularisation = false, .dataset = 1});
  data.pictures[2].subset = data.pictures[3].subset = 2;
  EXPECT_EQ(repeats_in_epoch(data, {}), (std::vector<int>{1, 1, 10, 10, 1, 1, 0}));
}

class Regularising : public TrainingFolder {
 protected:
  fs::path two_others() { return classes({"a.png", "d.png"}); }
  std::string hash_of(const TrainRequest& r) {
    return files::open_weights(train(*device_, r, options()).file)->metadata().at("sshs_model_hash");
  }
};

TEST_F(Regularising, PicturesOfTheClassAreLearnedWithoutTheTrigger) {
  TrainRequest r = request("out.safetensors");
  r.trigger = "qqx";
  r.regularisation = two_others().string();
  const TrainResult result = train(*device_, r, options());
  EXPECT_EQ(result.data.pictures.size(), 6u);
  EXPECT_EQ(result.data.training_pictures(), 4u);
  for (const TrainingPicture& picture : result.data.pictures) {
    const bool regularises = result.data.regularises(picture);
    EXPECT_EQ(picture.caption.find("qqx") == std::string::npos, regularises) << picture.caption;
    EXPECT_EQ(picture.caption == "thing", regularises);
  }
  const auto metadata = files::open_weights(result.file)->metadata();
  EXPECT_EQ(metadata.at("ss_num_train_images"), "4");
  EXPECT_EQ(metadata.at("ss_num_reg_images"), "2");
  EXPECT_EQ(metadata.at("ss_prior_loss_weight"), "1.0");
  EXPECT_EQ(metadata.at("ss_reg_dataset_dirs"), R"({"1_thing":{"n_repeats":1,"img_count":2}})");
}

TEST_F(Regularising, TheWeightReachesTheGradient) {
  TrainRequest r = request("out.safetensors");
  const std::string without = hash_of(r);
  r.regularisation = two_others().string();
  const std::string whole = hash_of(r);
  r.prior_weight = 0.5;
  const std::string half = hash_of(r);
  EXPECT_NE(whole, without);
  EXPECT_NE(half, whole);
  EXPECT_EQ(hash_of(r), half);
}

TEST_F(Regularising, OtherPicturesOfTheClassAreAnotherRun) {
  TrainRequest r = request("out.safetensors");
  r.regularisation = two_others().string();
  train(*device_, r, options());
  fs::remove(fs::path(r.regularisation) / "1_thing" / "d.png");
  TrainerOptions o = options();
  o.resume = true;
  EXPECT_THROW(train(*device_, r, o), Error);
  r.regularisation = (folder_.path() / "nowhere").string();
  EXPECT_THROW(train(*device_, r, options()), Error);
  r.regularisation = two_others().string();
  r.prior_weight = -1;
  EXPECT_THROW(train(*device_, r, options()), Error);
}

}  // namespace
}  // namespace dq::train
