// Names of outputs, hashes, embeddings and memory amounts.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "base/sha256.h"
#include "media/codec.h"
#include "media/metadata.h"
#include "ops/devices.h"
#include "pipeline/hash_cache.h"
#include "pipeline/learned_words.h"
#include "pipeline/memory_budget.h"
#include "pipeline/outputs.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;
using pipeline::Request;

TEST(MemoryAmount, IsReadWithItsUnit) {
  EXPECT_EQ(pipeline::parse_memory("3G"), std::int64_t{3} << 30);
  EXPECT_EQ(pipeline::parse_memory("2.5GiB"), std::int64_t{5} << 29);
  EXPECT_EQ(pipeline::parse_memory("800M"), std::int64_t{800} << 20);
  EXPECT_EQ(pipeline::parse_memory("134217728"), std::int64_t{128} << 20);
  for (const char* bad : {"", "G", "3T", "-3G", "nan", "63M", "3 G", "1e30G"}) {
    EXPECT_THROW(pipeline::parse_memory(bad), Error) << bad;
  }
}

TEST(OutputNames, OfOurOwnAreNeverOverwritten) {
  const TempDir dir;
  pipeline::OutputNames names(dir.path(), 3);
  Request r;
  r.seed = 7;
  EXPECT_EQ(names.next(r, 0), dir.path() / "danqing-7.png");
  dir.write("danqing-7.png", "x");
  EXPECT_EQ(names.next(r, 0), dir.path() / "danqing-7-copy1.png");
  r.batch = 2;
  EXPECT_EQ(names.next(r, 1), dir.path() / "danqing-7-2.png");
}

TEST(OutputNames, ANamedFileIsTakenAsItIsAndNumberedWhenThereAreMore) {
  const TempDir dir;
  pipeline::OutputNames one(dir.path() / "a.webp", 1);
  EXPECT_EQ(one.next({}, 0), dir.path() / "a.webp");
  pipeline::OutputNames two(dir.path() / "a.jpg", 2);
  EXPECT_EQ(two.next({}, 0), dir.path() / "a-1.jpg");
  EXPECT_EQ(two.next({}, 1), dir.path() / "a-2.jpg");
  EXPECT_THROW(pipeline::OutputNames(dir.path() / "a.gif", 1), Error);  // before anything is painted
}

pipeline::Painting small_painting() {
  pipeline::Painting painting;
  painting.images.push_back(media::make_image(16, 8, 3, 90));
  Request& r = painting.request;
  r.model = "m/tiny.safetensors";
  r.model_sha256 = std::string(64, '7');
  r.prompt = "猫, (cat:1.2)";
  r.negative_prompt = "dog";
  r.width = 16;
  r.height = 8;
  r.steps = 12;
  r.guidance = 6.5;
  r.sampler = "dpmpp_2m";
  r.scheduler = "karras";
  r.clip_skip = 2;
  r.seed = 99;
  return painting;
}

TEST(Pictures, CarryTheRequestAndWhatWebuiReadsInEveryFormat) {
  const TempDir dir;
  const pipeline::Painting painting = small_painting();
  for (const char* name : {"a.png", "a.jpg", "a.webp"}) {
    const fs::path path = dir.path() / name;
    pipeline::write_picture(path, painting, 0, {.quality = 90, .program_version = "0.1.0"});
    EXPECT_EQ(to_json(pipeline::request_of_picture(path)), to_json(painting.request)) << name;
    const auto file = MappedFile::open(path);
    const auto texts = media::read_texts(file->bytes());
    const std::string* parameters = media::find_text(texts, "parameters");
    ASSERT_TRUE(parameters) << name;
    for (const char* part : {"猫, (cat:1.2)", "Negative prompt: dog", "Steps: 12", "Sampler: DPM++ 2M",
                             "Schedule type: Karras", "CFG scale: 6.5", "Seed: 99", "Size: 16x8",
                             "Model hash: 7777777777", "Model: tiny", "Clip skip: 2"}) {
      EXPECT_NE(parameters->find(part), std::string::npos) << name << ": " << part << " in " << *parameters;
    }
  }
}

TEST(Pictures, OfTwoWritersInOneFolderGetNamesOfTheirOwn) {
  const TempDir dir;
  constexpr int kEach = 20;
  const auto write = [&dir](std::vector<fs::path>& paths) {
    pipeline::OutputNames names(dir.path(), kEach);
    const pipeline::Painting painting = small_painting();  // all of one seed
    for (int i = 0; i < kEach; ++i)
      paths.push_back(pipeline::write_picture(names, painting, 0, {.program_version = "0.1.0"}));
  };
  std::vector<fs::path> first, second;
  {
    const std::jthread a([&] { write(first); }), b([&] { write(second); });
  }
  std::set<fs::path> all(first.begin(), first.end());
  all.insert(second.begin(), second.end());
  EXPECT_EQ(all.size(), 2u * kEach);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()), 2 * kEach);
  for (const fs::path& path : all) EXPECT_EQ(media::read_image(path).width, 16) << path;
}

TEST(Pictures, ANamedFileIsReplaced) {
  const TempDir dir;
  dir.write("a.png", "old");
  pipeline::OutputNames names(dir.path() / "a.png", 1);
  EXPECT_EQ(pipeline::write_picture(names, small_painting(), 0, {}), dir.path() / "a.png");
  EXPECT_EQ(media::read_image(dir.path() / "a.png").width, 16);
}

TEST(Pictures, OfOtherProgramsBecomeTheNearestRequest) {
  media::GenerationInfo info;
  info.program = "A1111 WebUI";
  info.prompt = "a cat";
  info.steps = 30;
  info.sampler = "DPM++ SDE Karras";
  info.cfg = 5;
  info.seed = 12;
  info.width = 640;
  info.height = 448;
  const Request r = pipeline::request_of_info(info);
  EXPECT_EQ(r.prompt, "a cat");
  EXPECT_EQ(r.sampler, "dpmpp_sde");
  EXPECT_EQ(r.scheduler, "karras");
  EXPECT_EQ(r.steps, 30);
  EXPECT_EQ(r.seed, 12u);
  EXPECT_EQ(r.width, 640);
  EXPECT_EQ(r.reading, text::Reading::kA1111);
  EXPECT_EQ(r.noise, sampling::NoiseStream::kCuda);
  EXPECT_TRUE(r.noise_per_image);
}

TEST(Pictures, WithoutSettingsSaySo) {
  const TempDir dir;
  media::write_image(dir.path() / "plain.png", media::make_image(8, 8, 3, 0));
  try {
    pipeline::request_of_picture(dir.path() / "plain.png");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

TEST(HashCacheTest, RemembersAFileUntilItChanges) {
  const TempDir dir;
  const pipeline::HashCache cache(dir.path() / "cache" / "hashes.json");
  const fs::path file = dir.write("m.bin", "hello");
  EXPECT_FALSE(cache.find(file));
  const std::string hash = cache.compute(file, {});
  EXPECT_EQ(hash, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(cache.find(file), hash);
  dir.write("m.bin", "hello!");
  EXPECT_FALSE(cache.find(file));
  dir.write("cache/hashes.json", "{broken");
  EXPECT_FALSE(cache.find(file));
  EXPECT_NE(cache.compute(file, {}), hash);
  EXPECT_THROW(cache.compute(file, [] { return true; }), Error);
}

TEST(HashCacheTest, RemembersEveryNameOfAFile) {
  const TempDir dir;
  const pipeline::HashCache cache(dir.path() / "hashes.json");
  const fs::path file = dir.write("m.bin", "hello");
  cache.compute(file, {});
  EXPECT_FALSE(cache.find_all(file));  // only its sha256 is known
  int asked = 0;
  const auto count = [&asked](std::uint64_t, std::uint64_t) { return ++asked > 0; };
  const files::FileHashes hashes = cache.compute_all(file, count);
  EXPECT_GT(asked, 0);
  const auto known = cache.find_all(file);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->sha256, hashes.sha256);
  EXPECT_EQ(known->auto_v1, hashes.auto_v1);
  EXPECT_EQ(known->auto_v2, hashes.auto_v2);
  EXPECT_EQ(known->auto_v3, hashes.auto_v3);
  EXPECT_EQ(cache.find(file), hashes.sha256);
  dir.write("m.bin", "hello!");
  EXPECT_FALSE(cache.find_all(file));
  dir.write("hashes.json", R"({")" + fs::absolute(file).string() + R"(": {"state": 3, "sha256": []}})");
  EXPECT_FALSE(cache.find(file));
}

TEST(HashCacheTest, HashesBesideOtherWorkComeInOrder) {
  const TempDir dir;
  const fs::path a = dir.write("a.bin", "hello");
  ::setenv("XDG_CACHE_HOME", dir.path().c_str(), 1);  // not the cache of whoever runs this
  pipeline::BackgroundHash hashes({a, "", dir.path(), dir.path() / "none"}, {});
  const std::vector<std::string> all = hashes.wait();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0], "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  for (const std::size_t i : {1u, 2u, 3u}) EXPECT_EQ(all[i], "") << i;
}

TEST(LearnedWords, AreFoundByNameInTheFoldersPeopleUse) {
  const TempDir dir;
  const fs::path model = dir.path() / "models" / "checkpoints" / "m.safetensors";
  dir.write("models/embeddings/sub/EasyNegative.safetensors", "x");
  dir.write("models/embeddings/readme.txt", "x");
  dir.write("embeddings/other.pt", "x");
  const auto words = pipeline::list_learned_words(pipeline::embedding_folders(model));
  EXPECT_EQ(words.size(), 2u);
  EXPECT_TRUE(words.contains("EasyNegative"));
  EXPECT_TRUE(words.contains("other"));
}

TEST(LearnedWords, ThatAreNoEmbeddingsAreRefused) {
  const auto device = ops::make_cpu_device();
  EXPECT_THROW(pipeline::read_learned_word(golden_path("models/unet.safetensors"), *device), Error);
}

// People keep other files beside their embeddings, and a name may occur in a prompt by chance.
TEST(LearnedWords, ForeignFilesOfAFolderArePassedOverAndTold) {
  const auto device = ops::make_cpu_device();
  const std::map<std::string, fs::path> files{{"house", golden_path("models/unet.safetensors")},
                                              {"cat", fs::path("/nowhere/cat.pt")}};
  std::vector<std::string> why;
  EXPECT_TRUE(pipeline::words_in({"A House by the sea", ""}, files, *device, &why).empty());
  ASSERT_EQ(why.size(), 1u);
  EXPECT_NE(why[0].find("“house” counts as plain words: this is no textual-inversion embedding."),
            std::string::npos)
      << why[0];
  EXPECT_TRUE(pipeline::words_in({"a dog"}, files, *device, &why).empty());
  EXPECT_EQ(why.size(), 1u);
  pipeline::words_in({"a house", "a cat"}, files, *device, &why);
  EXPECT_EQ(why.size(), 3u);
  EXPECT_THROW(pipeline::words_in({"a house"}, files, *device), Error);
}

}  // namespace
}  // namespace dq::test
