// The writer makes the bytes of the safetensors library, and never half a file.
#include "files/safetensors_write.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "base/sha256.h"
#include "files/builders.h"
#include "files/hashes.h"
#include "files/weight_source.h"
#include "support/golden.h"
#include "support/host_device.h"
#include "support/temp_dir.h"

namespace dq::files {
namespace {

using test::error_of;

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

std::vector<TensorToWrite> tensors_of(const WeightSource& source, Device& device) {
  std::vector<TensorToWrite> out;
  for (const TensorEntry& entry : source.tensors())
    out.push_back(to_write(entry.name, WeightSource::view(entry, device)));
  return out;
}

TEST(SafetensorsWrite, SameBytesAsTheLibrary) {
  test::HostDevice device;
  test::TempDir dir;
  for (const char* name : {"files/types.safetensors", "files/empty.safetensors", "files/expected.safetensors",
                           "files/dtypes.safetensors"}) {
    const auto source = open_weights(test::golden_path(name));
    const auto path = dir.path() / "copy.safetensors";
    write_safetensors(path, tensors_of(*source, device), source->metadata());
    EXPECT_EQ(test::read_file(path.string()), test::read_file(test::golden_path(name))) << name;
  }
}

TEST(SafetensorsWrite, RefusesWhatItCouldNotRead) {
  test::HostDevice device;
  test::TempDir dir;
  const auto path = dir.path() / "x.safetensors";
  const auto write = [&](const std::vector<std::string>& names,
                         std::map<std::string, std::string> metadata = {}) {
    std::vector<TensorToWrite> tensors;
    for (const std::string& name : names)
      tensors.push_back(to_write(name, Tensor::zeros(device, DType::kF32, {2})));
    return error_of([&] { write_safetensors(path, tensors, metadata); }).code();
  };
  EXPECT_EQ(write({"a", "a"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(write({""}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(write({"a\n"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(write({"\xff"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(write({"__metadata__"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(write({"a"}, {{"k", "\xff"}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(files_in(dir.path()), 0u);
}

TEST(SafetensorsWrite, AProducerMustKeepItsWord) {
  test::TempDir dir;
  const std::string data(100, 'x');
  for (const std::size_t bytes : {0u, 7u, 9u, 100u}) {
    TensorToWrite tensor{"a", DType::kF32, {2}, [&](const ByteSink& sink) {
                           sink(test::bytes_of(std::string_view(data).substr(0, bytes)));
                         }};
    EXPECT_EQ(error_of([&] { write_safetensors(dir.path() / "x", {tensor}); }).code(), ErrorCode::kInternal);
  }
  TensorToWrite thrower{
      "a", DType::kF32, {2}, [](const ByteSink&) { throw Error(ErrorCode::kCancelled, "stopped"); }};
  EXPECT_EQ(error_of([&] { write_safetensors(dir.path() / "x", {thrower}); }).code(), ErrorCode::kCancelled);
  EXPECT_EQ(files_in(dir.path()), 0u);
}

TEST(SafetensorsWrite, EveryFailingCallLeavesTheOldFile) {
  test::HostDevice device;
  test::TempDir dir;
  const auto path = dir.write("x.safetensors", "the old file");
  const auto tensors = [&] {
    return std::vector{to_write("a", Tensor::zeros(device, DType::kF32, {1 << 20}))};
  };
  int failures = 0;
  for (int n = 0; n < 100; ++n) {
    const Error error = error_of([&] { write_safetensors(path, tensors(), {}, fail_after(n, ENOSPC)); });
    if (error.message().empty()) break;
    ++failures;
    EXPECT_EQ(error.code(), ErrorCode::kDiskFull);
    EXPECT_FALSE(error.hint().empty());
    EXPECT_EQ(files_in(dir.path()), 1u);
    // Only the very last step, the folder's sync, comes after the new name is in place.
    const std::string now = test::read_file(path.string());
    EXPECT_TRUE(now == "the old file" || now.size() > (4u << 20)) << n;
  }
  EXPECT_GE(failures, 5);  // open, write, sync, rename, sync of the folder
  EXPECT_EQ(open_weights(path)->tensors().size(), 1u);
}

TEST(Hashes, AreThoseOfHashlib) {
  const auto file = MappedFile::open(test::golden_path("files/types.safetensors"));
  const std::string facts = test::read_file(test::golden_path("files/expected.json"));
  const FileHashes hashes = hash_file(*file);
  EXPECT_NE(facts.find("\"sha256\": \"" + hashes.sha256 + "\""), std::string::npos);
  EXPECT_NE(facts.find("\"tensors_sha256\": \"" + hashes.tensors + "\""), std::string::npos);
  EXPECT_EQ(hashes.auto_v2, hashes.sha256.substr(0, 10));
  EXPECT_EQ(hashes.auto_v3, hashes.tensors.substr(0, 12));
  EXPECT_EQ(hashes.auto_v1, "e3b0c442");  // of nothing: the file is shorter than 1 MiB
}

TEST(Hashes, CoverTheirPartsOfTheFile) {
  test::TempDir dir;
  std::string data(9u << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 2654435761u >> 13);
  const std::string n = std::to_string(data.size());
  const std::string file =
      test::safetensors(R"({"a":{"dtype":"U8","shape":[)" + n + R"(],"data_offsets":[0,)" + n + "]}}", data);
  const auto mapped = MappedFile::open(dir.write("big.safetensors", file));
  std::vector<std::uint64_t> steps;
  const FileHashes hashes = hash_file(*mapped, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, file.size());
    steps.push_back(done);
    return true;
  });
  EXPECT_EQ(hashes.sha256, sha256_hex(test::bytes_of(file)));
  EXPECT_EQ(hashes.tensors, sha256_hex(test::bytes_of(data)));
  EXPECT_EQ(hashes.auto_v1,
            sha256_hex(test::bytes_of(std::string_view(file).substr(1 << 20, 64 << 10))).substr(0, 8));
  EXPECT_EQ(steps,
            (std::vector<std::uint64_t>{0, 4u << 20, 8u << 20, file.size()}));  // each byte once, in order
  EXPECT_EQ(error_of([&] {
              hash_file(*mapped, [](std::uint64_t done, std::uint64_t) { return done == 0; });
            }).code(),
            ErrorCode::kCancelled);
  const auto other = MappedFile::open(dir.write("other.ckpt", data));
  EXPECT_EQ(hash_file(*other).auto_v3, "");
}

}  // namespace
}  // namespace dq::files
