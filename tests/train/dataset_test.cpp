#include "train/dataset.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/counter_random.h"
#include "base/error.h"
#include "media/codec.h"
#include "media/resize.h"
#include "support/temp_dir.h"
#include "train/picture_check.h"

namespace dq::train {
namespace {

// Coloured blocks with hard edges: sharp, and different for every seed.
media::Image blocks(int width, int height, std::uint64_t seed) {
  media::Image image = media::make_image(width, height, 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      CounterRandom random{seed, static_cast<std::uint64_t>(y * 16 / height),
                           static_cast<std::uint64_t>(x * 16 / width)};
      for (int c = 0; c < 3; ++c) image.row(y)[x * 3 + c] = static_cast<std::uint8_t>(random.below(256));
    }
  }
  return image;
}

class DatasetTest : public testing::Test {
 protected:
  void picture(const std::string& name, const media::Image& image) {
    std::filesystem::create_directories((folder_.path() / name).parent_path());
    media::write_image(
        folder_.path() / name, image,
        {.format = media::format_for_path(name), .quality = 95, .lossless = false, .texts = {}});
  }
  void text(const std::string& name, const std::string& words) {
    std::filesystem::create_directories((folder_.path() / name).parent_path());
    std::ofstream(folder_.path() / name) << words;
  }
  Dataset read(DatasetOptions options = {}) {
    options.resolution = 256;
    return read_dataset(folder_.path(), options, threads_);
  }
  static std::string name(const TrainingPicture& p) { return p.file.filename().string(); }

  test::TempDir folder_;
  ThreadPool threads_{2};
};

TEST_F(DatasetTest, CaptionsComeFromWhereverTheyAre) {
  for (int i = 0; i < 6; ++i)
    picture(std::string(1, static_cast<char>('a' + i)) + ".png", blocks(256, 256, i));
  picture("a_red_cat-(2).jpg", blocks(256, 300, 10));
  picture("IMG_2041.webp", blocks(300, 256, 11));
  text("a.txt", "from text");
  text("b.caption", "from caption");
  text("b.txt", "not this one");
  text("metadata.jsonl", "{\"file_name\": \"c.png\", \"text\": \"from jsonl\"}\n\nnonsense\n");
  const Dataset set = read();
  ASSERT_EQ(set.pictures.size(), 8u);
  std::map<std::string, std::pair<std::string, CaptionSource>> got;
  for (const TrainingPicture& p : set.pictures) got[name(p)] = {p.caption, p.source};
  EXPECT_EQ(got["a.png"], std::pair(std::string("from text"), CaptionSource::kTextFile));
  EXPECT_EQ(got["b.png"], std::pair(std::string("from caption"), CaptionSource::kTextFile));
  EXPECT_EQ(got["c.png"], std::pair(std::string("from jsonl"), CaptionSource::kMetadata));
  EXPECT_EQ(got["a_red_cat-(2).jpg"], std::pair(std::string("a red cat"), CaptionSource::kFileName));
  EXPECT_EQ(got["IMG_2041.webp"], std::pair(std::string(), CaptionSource::kNone));
  ASSERT_EQ(set.warnings.size(), 1u);
  EXPECT_NE(set.warnings[0].find("Line 3"), std::string::npos);
}

TEST_F(DatasetTest, FoldersWithRepeatsAreReadAsSdScriptsDoes) {
  picture("10_sks cat/x.png", blocks(256, 256, 1));
  picture("10_sks cat/y.png", blocks(256, 256, 2));
  text("10_sks cat/y.txt", "words of its own");
  picture("3_dog/z.png", blocks(256, 256, 3));
  picture("other/w.png", blocks(256, 256, 4));
  const Dataset set = read();
  ASSERT_EQ(set.pictures.size(), 3u);
  EXPECT_EQ(set.pictures[0].caption, "sks cat");
  EXPECT_EQ(set.pictures[0].repeats, 10);
  EXPECT_EQ(set.pictures[1].caption, "words of its own");
  EXPECT_EQ(set.pictures[2].repeats, 3);
  ASSERT_EQ(set.warnings.size(), 1u);
  EXPECT_NE(set.warnings[0].find("other"), std::string::npos);
}

TEST_F(DatasetTest, DoubtfulPicturesAreLeftOutWithTheReason) {
  const media::Image good = blocks(512, 512, 1);
  picture("good.png", good);
  picture("copy.png", good);
  picture("smaller_again.jpg", media::resize(good, 300, 300, media::ResizeFilter::kArea));
  picture("tiny.png", blocks(100, 100, 2));
  picture("blurred.png", media::resize(blocks(4, 4, 3), 512, 512, media::ResizeFilter::kBicubic));
  picture("flat.png", media::make_image(400, 400, 3, 77));
  text("broken.png", "\x89PNG\r\n\x1a\nthis is no picture");
  text("old.bmp", "BM");
  picture("good-masklabel.png", media::make_image(512, 512, 1, 255));
  Dataset set = read();
  ASSERT_EQ(set.pictures.size(), 1u);
  EXPECT_EQ(name(set.pictures[0]), "copy.png");  // the first of two equals, by name
  std::map<std::string, std::string> reasons;
  for (const LeftOut& out : set.left_out) reasons[out.file.filename().string()] = out.reason;
  EXPECT_EQ(reasons.size(), 7u);
  EXPECT_EQ(reasons["good.png"], "it shows the same as copy.png");
  EXPECT_EQ(reasons["smaller_again.jpg"], "it shows the same as copy.png");
  EXPECT_EQ(reasons["tiny.png"], "it is tiny: 100×100");
  EXPECT_EQ(reasons["blurred.png"], "it is blurred or shows nothing");
  EXPECT_EQ(reasons["flat.png"], "it is blurred or shows nothing");
  EXPECT_NE(reasons["broken.png"].find("it cannot be read"), std::string::npos);
  EXPECT_NE(reasons["old.bmp"].find("PNG, JPEG and WebP"), std::string::npos);

  set = read({.resolution = 256, .keep_all = true, .trigger = {}, .on_progress = {}});
  EXPECT_EQ(set.pictures.size(), 6u);
  EXPECT_EQ(set.left_out.size(), 2u);  // what cannot be read at all
  for (const TrainingPicture& p : set.pictures) EXPECT_EQ(p.mask.empty(), name(p) != "good.png");
}

TEST_F(DatasetTest, TheTriggerStandsInEveryCaption) {
  picture("a.png", blocks(256, 256, 1));
  picture("b.png", blocks(256, 256, 2));
  picture("c.png", blocks(256, 256, 3));
  text("a.txt", "SKS cat, sitting");
  text("b.txt", "a cat");
  const Dataset set = read({.resolution = 256, .keep_all = false, .trigger = "sks", .on_progress = {}});
  EXPECT_EQ(set.pictures[0].caption, "SKS cat, sitting");
  EXPECT_EQ(set.pictures[1].caption, "sks, a cat");
  EXPECT_EQ(set.pictures[2].caption, "sks");
  ASSERT_EQ(set.warnings.size(), 1u);
  EXPECT_NE(set.warnings[0].find("2 of 3"), std::string::npos);
}

TEST_F(DatasetTest, AnEmptyFolderSaysWhatToDo) {
  EXPECT_THROW(read_dataset(folder_.path() / "absent", {}, threads_), Error);
  try {
    read();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(error.hint().find("PNG"), std::string::npos);
  }
  text("broken.png", "nothing");
  try {
    read();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("broken.png"), std::string::npos);
  }
}

TEST(CaptionOfName, LeavesOutWhatProgramsWrite) {
  EXPECT_EQ(caption_of_name("a_red-cat (3)"), "a red cat");
  EXPECT_EQ(caption_of_name("蓝色的猫_12"), "蓝色的猫");
  for (const char* name : {"IMG_0012", "DSC00123", "00012", "Screenshot 2026-01-02", "3f2a99c01b77",
                           "ComfyUI_00001_", "image", "x1"}) {
    EXPECT_EQ(caption_of_name(name), "") << name;
  }
  EXPECT_EQ(caption_of_name("imagine a cat"), "imagine a cat");
}

}  // namespace
}  // namespace dq::train
