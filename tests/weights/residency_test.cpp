// Which matrices stay in memory, and that one that does not is used as if it did.
#include "weights/residency.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"
#include "files/safetensors_write.h"
#include "ops/devices.h"
#include "ops/linear.h"
#include "support/golden.h"
#include "support/temp_dir.h"
#include "weights/component_set.h"
#include "weights/loader.h"

namespace dq::weights {
namespace {

files::TensorEntry entry(Shape shape) {
  files::TensorEntry out;
  out.dtype = DType::kF16;
  out.bytes = static_cast<std::uint64_t>(2 * element_count(shape));
  out.shape = std::move(shape);
  return out;
}

// Twenty matrices of 2,000 bytes, ten kernels of 1,800, and a bias that counts for nothing.
TensorTable table() {
  TensorTable out;
  for (int i = 0; i < 20; ++i) out.insert("m" + std::to_string(i), entry({10, 100}));
  for (int i = 0; i < 10; ++i) out.insert("k" + std::to_string(i), entry({10, 10, 3, 3}));
  out.insert("b", entry({100'000}));
  return out;
}

// How many of the first and of the second half of matrices, and how many kernels stay.
std::array<int, 3> kept(std::int64_t resident) {
  Residency residency(table(), Precision::kBF16, resident);
  std::array<int, 3> out{};
  const files::TensorEntry matrix = entry({10, 100}), kernel = entry({10, 10, 3, 3});
  for (int i = 0; i < 20; ++i) {
    out[static_cast<std::size_t>(i / 10)] += residency.keeps({&matrix, 1}, Precision::kBF16);
    if (i % 2 == 0) out[2] += residency.keeps({&kernel, 1}, Precision::kBF16);
  }
  return out;
}

TEST(Residency, MatricesGoFirstAndEvenly) {
  EXPECT_EQ(kept(LoadOptions().resident), (std::array{10, 10, 10}));
  EXPECT_EQ(kept(58'000), (std::array{10, 10, 10}));
  EXPECT_EQ(kept(38'000), (std::array{5, 5, 10}));
  EXPECT_EQ(kept(18'000), (std::array{0, 0, 10}));
  EXPECT_EQ(kept(9'000), (std::array{0, 0, 5}));
  EXPECT_EQ(kept(0), (std::array{0, 0, 0}));
  EXPECT_EQ(kept(-5), (std::array{0, 0, 0}));
}

TEST(Residency, OneByOneKernelsAreMatrices) {
  TensorTable one;
  one.insert("proj", entry({8, 8, 1, 1}));
  EXPECT_EQ(matrix_bytes(one, Precision::kBF16).matrices.packed, 128);
  EXPECT_EQ(matrix_bytes(one, Precision::kBF16).matrices.at_use, 256);
  EXPECT_EQ(matrix_bytes(one, Precision::kBF16).kernels.packed, 0);
}

// A file with one matrix, loaded so that it does not stay.
class StreamedMatrix : public testing::Test {
 protected:
  StreamedMatrix() {
    files::write_safetensors(path_,
                             {files::to_write("w.weight", test::random_tensor(*device_, {48, 40}, 3))});
  }
  Weight load(std::int64_t resident) {
    LoadOptions options;
    options.resident = resident;
    const Loader at(open_table(path_), *device_, "it", options);
    Weight out = at.at("w").linear("weight", 48, 40);
    at.finish();
    parameters_ = at.parameters();
    return out;
  }

  test::TempDir dir_;
  std::filesystem::path path_ = dir_.path() / "w.safetensors";
  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 2, .precision = Precision::kF32});
  Parameters parameters_;
};

TEST_F(StreamedMatrix, IsThereWhileItIsUsed) {
  const Tensor x = test::random_tensor(*device_, {5, 40}, 4);
  const Weight stays = load(1 << 20), goes = load(0);
  const std::int64_t before = device_->memory().now;
  const Tensor y = ops::linear(x, goes.packed());
  EXPECT_EQ(device_->memory().now, before + y.bytes());
  EXPECT_EQ(test::relative_error(y, ops::linear(x, stays.packed())), 0);
}

TEST_F(StreamedMatrix, OfAFileThatWasCutShortIsAnError) {
  const Weight goes = load(0);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 100);
  try {
    goes.packed();
    FAIL() << "the lost numbers were read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadFile);
    EXPECT_NE(std::string(error.what()).find("became shorter"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace dq::weights
