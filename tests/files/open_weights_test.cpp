// Opening by content, indexes of shards, diffusers folders, and what files are told to be that are no
// weights.
#include <gtest/gtest.h>

#include "files/builders.h"
#include "files/sharded_index.h"
#include "files/sniff.h"
#include "files/weight_source.h"
#include "support/host_device.h"
#include "support/temp_dir.h"

namespace dq::files {
namespace {

using namespace std::string_literals;
using test::bytes_of;
using test::error_of;

std::string shard(const std::string& name, std::size_t bytes = 4) {
  const std::string n = std::to_string(bytes);
  return test::safetensors(
      "{\"" + name + R"(":{"dtype":"U8","shape":[)" + n + R"(],"data_offsets":[0,)" + n + "]}}",
      std::string(bytes, 'd'));
}

TEST(OpenWeights, SaysWhatTheFileIsInstead) {
  test::TempDir dir;
  struct Case {
    std::string bytes, message;
    ErrorCode code;
  };
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  for (const Case& c : std::vector<Case>{
           {"", "empty", ErrorCode::kBadFile},
           {"GGUF\x03\0\0\0"s, "GGUF", ErrorCode::kUnsupported},
           {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git-lfs pointer",
            ErrorCode::kBadFile},
           {"<!DOCTYPE html><html>", "web page", ErrorCode::kBadFile},
           {"\xef\xbb\xbf\r\n  <HTML lang=en>", "web page", ErrorCode::kBadFile},
           {"\x08\x07\x12\x07pytorch", "ONNX", ErrorCode::kUnsupported},
           {"\x1f\x8b\x08\0"s, "packed archive", ErrorCode::kUnsupported},
           {tar, "packed archive", ErrorCode::kUnsupported},
           {"\x89HDF\r\n\x1a\n"s, "HDF5", ErrorCode::kUnsupported},
           {"\x89PNG\r\n\x1a\n"s, "picture", ErrorCode::kBadFile},
           {"just some text", "no weight file", ErrorCode::kBadFile},
           {std::string(100, '\0'), "no weight file", ErrorCode::kBadFile},
           {"{\"error\": \"Access denied\"}", "no weight_map", ErrorCode::kBadFile},
           {"\x80\x02}.", "plain Python pickle", ErrorCode::kUnsupported},
           {"PK\x03\x04 an archive that was cut short", "end record is missing", ErrorCode::kBadFile}}) {
    const auto path = dir.write("model.safetensors", c.bytes);
    const Error error = error_of([&] { open_weights(path); });
    EXPECT_EQ(error.code(), c.code) << error.what();
    EXPECT_NE(error.message().find(c.message), std::string::npos) << error.what();
    EXPECT_EQ(error.file(), path.string());
    EXPECT_FALSE(error.hint().empty()) << error.what();
  }
}

TEST(OpenWeights, MissingFilesAndFolders) {
  test::TempDir dir;
  EXPECT_EQ(error_of([&] { open_weights(dir.path() / "nothing"); }).code(), ErrorCode::kNotFound);
  const Error folder = error_of([&] { open_weights(dir.path()); });
  EXPECT_EQ(folder.code(), ErrorCode::kUnsupported);
  EXPECT_FALSE(folder.hint().empty());
  EXPECT_FALSE(is_diffusers_folder(dir.path()));
  dir.write("model_index.json", "{}");
  EXPECT_TRUE(is_diffusers_folder(dir.path()));
  EXPECT_NE(error_of([&] { open_weights(dir.path()); }).message().find("diffusers folder"),
            std::string::npos);
}

TEST(OpenWeights, TheExtensionIsNotAsked) {
  test::TempDir dir;
  EXPECT_EQ(open_weights(dir.write("a.ckpt", shard("x")))->format(), Format::kSafetensors);
  const std::string zip = test::torch_zip(test::pickle::whole("}"), {});
  EXPECT_EQ(open_weights(dir.write("b.safetensors", zip))->format(), Format::kTorchZip);
}

TEST(OpenWeights, UnalignedNumbersAreCopied) {
  test::TempDir dir;
  const std::string header = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  for (std::size_t blanks = 0; blanks < 8; ++blanks) {
    const auto source = open_weights(dir.write(
        "x.safetensors", test::safetensors(header + std::string(blanks, ' '), "\0\0\x80\x3f\0\0\0\x40"s)));
    test::HostDevice device;
    const Tensor tensor = WeightSource::view(source->tensors()[0], device);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 4, 0u);
    EXPECT_EQ(tensor.data<float>()[0], 1.0f);
    EXPECT_EQ(tensor.data<float>()[1], 2.0f);
  }
}

TEST(OpenWeights, AFileCutShortWhileMappedIsAnError) {
  test::TempDir dir;
  const auto path = dir.write("x.safetensors", shard("x", 1 << 20));
  const auto source = open_weights(path);
  test::HostDevice device;
  EXPECT_NO_THROW(WeightSource::view(source->tensors()[0], device));
  std::filesystem::resize_file(path, 4096);
  const Error error = error_of([&] { WeightSource::view(source->tensors()[0], device); });
  EXPECT_EQ(error.code(), ErrorCode::kBadFile);
  EXPECT_FALSE(error.hint().empty());
}

TEST(ShardedIndex, ReadsShards) {
  test::TempDir dir;
  dir.write("m-1.safetensors", shard("a"));
  dir.write("m-2.safetensors", shard("b"));
  const auto path = dir.write(
      "m.safetensors.index.json",
      R"({"metadata":{"total_size":8,"x":1.5,"y":"z","deep":[1]},"weight_map":{"b":"m-2.safetensors","a":"m-1.safetensors"},"other":[{"x":null}]})"
      "\n");
  const auto source = open_weights(path);
  EXPECT_EQ(source->format(), Format::kShardedSafetensors);
  ASSERT_EQ(source->tensors().size(), 2u);
  EXPECT_EQ(source->find("b")->file->path(), dir.path() / "m-2.safetensors");
  EXPECT_EQ(source->metadata(), (std::map<std::string, std::string>{{"total_size", "8"}, {"y", "z"}}));
}

TEST(ShardedIndex, ShardsAndIndexAgree) {
  test::TempDir dir;
  dir.write("1.safetensors", shard("a"));
  dir.write("2.safetensors", shard("a"));
  const auto open = [&](const std::string& map) {
    const auto path = dir.write("i.json", "{\"weight_map\":{" + map + "}}");
    return error_of([&] { open_weights(path); });
  };
  const Error missing = open(R"("a":"3.safetensors")");
  EXPECT_EQ(missing.code(), ErrorCode::kNotFound);
  EXPECT_NE(missing.message().find("3.safetensors"), std::string::npos);
  const Error absent = open(R"("a":"1.safetensors","b":"1.safetensors")");
  EXPECT_EQ(absent.code(), ErrorCode::kBadFile);
  EXPECT_EQ(absent.key(), "b");
  const Error twice = open(R"("a":"1.safetensors","a":"1.safetensors")");
  EXPECT_EQ(twice.code(), ErrorCode::kBadFile);
  EXPECT_EQ(twice.key(), "a");
  // Both shards hold "a", the second by mistake.
  dir.write(
      "2.safetensors",
      test::safetensors(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
          "xy"));
  EXPECT_EQ(open(R"("a":"1.safetensors","b":"2.safetensors")").message(), "two tensors have one name");
  // A broken shard is named.
  dir.write("2.safetensors", "broken");
  EXPECT_EQ(open(R"("a":"1.safetensors","b":"2.safetensors")").file(),
            (dir.path() / "2.safetensors").string());
}

TEST(ShardedIndex, ShardNamesStayInTheFolder) {
  for (const std::string& name : {"../x"s, "/etc/passwd"s, "a/b"s, "a\\\\b"s, ".."s, "."s, ""s, "C:x"s,
                                  "a\\u0000b"s, "a\\n"s, std::string(300, 'n')}) {
    const std::string index = "{\"weight_map\":{\"k\":\"" + name + "\"}}";
    const Error error = error_of([&] { parse_sharded_index(bytes_of(index)); });
    EXPECT_EQ(error.code(), ErrorCode::kBadFile) << name;
    EXPECT_EQ(error.key(), "k");
    EXPECT_NE(error.message().find("not a plain file name"), std::string::npos) << error.what();
  }
}

TEST(ShardedIndex, TheMapIsTextToText) {
  for (const char* bad :
       {"[]", "1", "\"x\"", "{}x", "{\"weight_map\":[]}", "{\"weight_map\":1}", "{\"weight_map\":\"x\"}",
        "{\"weight_map\":{\"a\":1}}", "{\"weight_map\":{\"a\":null}}", "{\"weight_map\":{\"a\":{}}}",
        "{\"weight_map\":{\"a\":[]}}", "{}", "{\"weight_map\":{},\"weight_map\":{}}",
        "{\"weight_map\":{\"\":\"x\"}}", "{\"weight_map\":{\"a\":\"x\"",
        "{\"x\":[[[[[1]]]]],\"weight_map\":{}}"}) {
    EXPECT_EQ(error_of([&] { parse_sharded_index(bytes_of(bad)); }).code(), ErrorCode::kBadFile) << bad;
  }
}

TEST(DiffusersFolder, PrefersSafetensorsAndThePlainVariant) {
  test::TempDir dir;
  const auto opened = [&] { return open_component(dir.path())->path().filename().string(); };
  EXPECT_EQ(error_of([&] { open_component(dir.path()); }).code(), ErrorCode::kNotFound);
  dir.write("pytorch_model.bin", test::torch_zip(test::pickle::whole("}"), {}));
  EXPECT_EQ(opened(), "pytorch_model.bin");
  dir.write("diffusion_pytorch_model.fp16.safetensors", shard("a"));
  EXPECT_EQ(opened(), "diffusion_pytorch_model.fp16.safetensors");
  dir.write("s.safetensors", shard("a"));
  dir.write("diffusion_pytorch_model.safetensors.index.json", R"({"weight_map":{"a":"s.safetensors"}})");
  EXPECT_EQ(opened(), "diffusion_pytorch_model.safetensors.index.json");
  dir.write("diffusion_pytorch_model.safetensors", shard("a"));
  EXPECT_EQ(opened(), "diffusion_pytorch_model.safetensors");
}

}  // namespace
}  // namespace dq::files
