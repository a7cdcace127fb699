// sd-scripts' description of a dataset: what counts, what is told, and what comes of it.
#include "train/dataset_config.h"

#include "base/error.h"
#include "files/weight_source.h"
#include "train/training_folder.h"

namespace dq::train {
namespace {

class Described : public TrainingFolder {
 protected:
  Described() {
    for (const char* name : {"a", "b", "c"}) fs::create_directories(folder_.path() / name);
  }
  std::string write(const std::string& text) {
    const fs::path file = folder_.path() / "data.toml";
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }
  DatasetConfig read(const std::string& text, const SubsetDefaults& defaults = {}) {
    return read_dataset_config(write(text), defaults);
  }
  Error error_of(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "accepted: " << text;
    return {ErrorCode::kInternal, ""};
  }
};

// The example of sd-scripts' documentation, with a third level that overrides.
TEST_F(Described, WhatIsNearestCounts) {
  const DatasetConfig config = read(R"(
[general]
shuffle_caption = true
caption_extension = '.txt'
keep_tokens = 1

[[datasets]]
resolution = 128
batch_size = 4
keep_tokens = 2

  [[datasets.subsets]]
  image_dir = 'a'
  class_tokens = 'hoge girl'

  [[datasets.subsets]]
  image_dir = 'b'
  keep_tokens = 3
  is_reg = true
  num_repeats = 5
  flip_aug = true
  shuffle_caption = false
  caption_dropout_rate = 0.25
  enable_wildcard = true
  keep_tokens_separator = "|||"
  caption_prefix = "x"

[[datasets]]
resolution = [128, 128]
batch_size = 4
  [[datasets.subsets]]
  image_dir = 'c'
)");
  ASSERT_EQ(config.subsets.size(), 3u);
  const auto& [a, b, c] = std::tie(config.subsets[0], config.subsets[1], config.subsets[2]);
  EXPECT_EQ(a.files.folder, folder_.path() / "a");
  EXPECT_EQ(a.files.words, "hoge girl");
  EXPECT_EQ(a.files.caption_extension, ".txt");
  EXPECT_EQ(a.files.repeats, 1);
  EXPECT_TRUE(a.captions.shuffle);
  EXPECT_EQ(a.captions.keep, 2);
  EXPECT_FALSE(a.regularisation);
  EXPECT_EQ(b.captions.keep, 3);
  EXPECT_TRUE(b.regularisation);
  EXPECT_EQ(b.files.repeats, 5);
  EXPECT_TRUE(b.flip);
  EXPECT_FALSE(b.captions.shuffle);
  EXPECT_EQ(b.captions.dropout, 0.25);
  EXPECT_TRUE(b.captions.wildcards);
  EXPECT_EQ(b.captions.keep_separator, "|||");
  EXPECT_EQ(b.captions.prefix, "x");
  EXPECT_EQ(c.captions.keep, 1);
  EXPECT_EQ(config.resolution, 128);
  EXPECT_EQ(config.batch, 4);
  // What nobody says is as the command line has it.
  CaptionRule rule;
  rule.tag_dropout = 0.5;
  rule.keep = 7;
  const DatasetConfig other =
      read("[[datasets]]\n[[datasets.subsets]]\nimage_dir='a'\nkeep_tokens=1", {rule, true});
  EXPECT_EQ(other.subsets[0].captions.tag_dropout, 0.5);
  EXPECT_EQ(other.subsets[0].captions.keep, 1);
  EXPECT_TRUE(other.subsets[0].flip);
  EXPECT_EQ(other.resolution, 0);
}

TEST_F(Described, WhatIsWrongIsToldWithItsLine) {
  const std::string subset = "[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'a'\n";
  const auto expect = [&](const std::string& text, ErrorCode code, const std::string& what) {
    const Error error = error_of(text);
    EXPECT_EQ(error.code(), code) << text;
    EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
  };
  expect(subset + "keep_tokens = 'two'", ErrorCode::kBadFile, "line 4");
  expect(subset + "keep_tokens = -1", ErrorCode::kBadFile, "from 0 to 1000");
  expect(subset + "flip_aug = 1", ErrorCode::kBadFile, "flip_aug is true or false");
  expect(subset + "caption_dropout_rate = 2", ErrorCode::kBadFile, "from 0 to 1");
  expect(subset + "caption_prefix = 3", ErrorCode::kBadFile, "text in quotes");
  expect(subset + "keep_token = 3", ErrorCode::kBadFile, "Did you mean keep_tokens");
  expect(subset + "metadata_file = 'meta.json'", ErrorCode::kUnsupported,
         "metadata_file is not supported yet");
  expect(subset + "resolution = 512", ErrorCode::kBadFile, "no setting resolution here");
  expect("resolution = 512\n" + subset, ErrorCode::kBadFile, "line 1");
  expect("[general]\nresolution = [512, 768]\n" + subset, ErrorCode::kUnsupported, "line 2");
  expect(subset + "[[datasets]]\nbatch_size = 3\n[[datasets.subsets]]\nimage_dir = 'b'",
         ErrorCode::kUnsupported, "different");
  expect("[[datasets]]\nresolution = 512", ErrorCode::kBadFile, "there is no [[subsets]]");
  expect("[[datasets]]\n[[datasets.subsets]]\nnum_repeats = 2", ErrorCode::kBadFile, "no image_dir");
  // What names pictures belongs to one subset.
  expect("[general]\nimage_dir = 'a'\n" + subset, ErrorCode::kBadFile, "no setting image_dir here");
  expect("[[datasets]]\nis_reg = true\n[[datasets.subsets]]\nimage_dir = 'a'", ErrorCode::kBadFile,
         "no setting is_reg here");
  expect("", ErrorCode::kBadFile, "there is no [[datasets]]");
  expect("datasets = 3", ErrorCode::kBadFile, "there is no [[datasets]]");
  expect("datasets = [1, 2]", ErrorCode::kBadFile, "no table");
  expect(subset + "keep_tokens = ", ErrorCode::kBadFile, "no TOML");
  expect("a = " + std::string(100'000, '['), ErrorCode::kBadFile, "more than 2000 brackets");
  // Texts that close brackets, and names of many parts, do not get by.
  std::string hidden = "[general]\nx = ";
  for (int i = 0; i < 16'000; ++i) hidden += "[\"]\", ";
  expect(hidden, ErrorCode::kBadFile, "line 2");
  std::string dotted = "a";
  for (int i = 0; i < 32'000; ++i) dotted += ".a";
  expect(dotted + "=1", ErrorCode::kBadFile, "more than 64 dots");
  expect("[" + dotted + "]", ErrorCode::kBadFile, "more than 64 dots");
  expect("a = '" + std::string((256u << 10) + 1, 'x'), ErrorCode::kBadFile, "larger than 256 KB");
  expect(subset + "caption_prefix = '\xff'", ErrorCode::kBadFile, "not UTF-8");
  expect("[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'nowhere'", ErrorCode::kNotFound, "line 3");
  EXPECT_THROW(read_dataset_config(folder_.path() / "nothing.toml", {}), Error);
  EXPECT_EQ(read(subset + "color_aug = true\nrandom_crop = false").warnings,
            std::vector<std::string>{"color_aug in line 4 has no effect here."});
}

TEST_F(Described, AFolderThatComesTwiceIsTakenOnce) {
  const std::string subset = "[[datasets.subsets]]\nimage_dir = 'a'\n", dataset = "[[datasets]]\n";
  const DatasetConfig config = read(dataset + subset + subset + dataset + subset);
  ASSERT_EQ(config.subsets.size(), 2u);
  EXPECT_EQ(config.subsets[1].dataset, 1);
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_NE(config.warnings[0].find("comes twice"), std::string::npos);
}

TEST_F(Described, TrainsAsItSays) {
  const std::string text =
      "[general]\nbatch_size = 1\n[[datasets]]\nresolution = 64\nmin_bucket_reso = 64\nmax_bucket_reso = 64\n"
      "[[datasets.subsets]]\nimage_dir = '" +
      pictures_.string() + "'\nnum_repeats = 3\n";
  TrainRequest r = request("out.safetensors");
  r.folder = write(text);
  r.resolution = 512;  // the file counts
  r.batch = 2;
  const TrainResult result = train(*device_, r, options());
  EXPECT_EQ(result.request.resolution, 64);
  EXPECT_EQ(result.request.batch, 1);
  EXPECT_EQ(result.data.pictures.size(), 4u);
  const auto metadata = files::open_weights(result.file)->metadata();
  EXPECT_EQ(metadata.at("ss_num_train_images"), "12");
  EXPECT_NE(metadata.at("ss_bucket_info").find("[64,64],\"count\":12"), std::string::npos)
      << metadata.at("ss_bucket_info");
  // Another rule for captions is another run.
  write(text + "caption_prefix = 'y'\n");
  TrainerOptions o = options();
  o.resume = true;
  EXPECT_THROW(train(*device_, r, o), Error);
  r.regularisation = pictures_.string();
  EXPECT_THROW(train(*device_, r, options()), Error);
  r.regularisation.clear();
  write(text + "is_reg = true\n");
  EXPECT_THROW(train(*device_, r, options()), Error);
  // Folders beside the file are found too.
  write("[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'pictures'\n");
  EXPECT_EQ(read_dataset_config(r.folder, {}).subsets[0].files.folder, folder_.path() / "pictures");
}

}  // namespace
}  // namespace dq::train
