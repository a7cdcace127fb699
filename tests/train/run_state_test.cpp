#include "train/run_state.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ops/devices.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace dq::train {
namespace {

class RunStateTest : public testing::Test {
 protected:
  RunState state() {
    RunState s;
    s.step = 1234567890123;
    s.settings = "rank 16\nrate 0.0001\n";
    s.tensors["parameter.a"] = test::random_tensor(*device_, {3, 5}, 1);
    s.tensors["optimizer.count"] = test::random_tensor(*device_, {1}, 2);
    return s;
  }
  test::TempDir folder_;
  std::unique_ptr<Device> device_ = ops::make_cpu_device({.threads = 1});
  std::filesystem::path file_ = folder_.path() / "run.state";
};

TEST_F(RunStateTest, ComesBackBitForBit) {
  const RunState before = state();
  write_state(file_, before);
  const RunState after = read_state(file_, before.settings, *device_);
  EXPECT_EQ(after.step, before.step);
  ASSERT_EQ(after.tensors.size(), 2u);
  for (const auto& [name, tensor] : before.tensors) {
    EXPECT_EQ(test::relative_error(after.tensors.at(name), tensor), 0) << name;
  }
  // It may be written over while it is in use.
  write_state(file_, after);
  EXPECT_EQ(read_state(file_, before.settings, *device_).step, before.step);
}

TEST_F(RunStateTest, OtherSettingsAreRefusedByName) {
  write_state(file_, state());
  try {
    read_state(file_, "rank 16\nrate 0.0002\n", *device_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(error.message().find("“rate 0.0001” then, “rate 0.0002” now"), std::string::npos)
        << error.message();
  }
}

TEST_F(RunStateTest, OtherFilesAreRefused) {
  EXPECT_THROW(read_state(file_, "", *device_), Error);
  write_state(file_, state());
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) - 1);
  EXPECT_THROW(read_state(file_, state().settings, *device_), Error);
  EXPECT_THROW(read_state(test::golden_path("ops.safetensors"), "", *device_), Error);
}

}  // namespace
}  // namespace dq::train
