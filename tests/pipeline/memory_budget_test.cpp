// What is free: the kernel's word, and the limits of control groups as both versions of their interface tell
// them, on made-up /proc and /sys.
#include "pipeline/memory_budget.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_dir.h"

namespace dq::test {
namespace {

class AvailableMemory : public testing::Test {
 protected:
  AvailableMemory() { write("proc/meminfo", "MemTotal: 2000 kB\nMemFree: 10 kB\nMemAvailable: 1000 kB\n"); }
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((root_.path() / name).parent_path());
    std::ofstream(root_.path() / name) << text;
  }
  std::int64_t available() const { return pipeline::available_memory(root_.path()); }

  TempDir root_;
};

TEST_F(AvailableMemory, IsTheKernelsWordWhereNothingLimitsIt) {
  EXPECT_EQ(available(), 1000 * 1024);
  write("proc/self/cgroup", "0::/user.slice\n");
  write("sys/fs/cgroup/user.slice/memory.max", "max\n");
  write("sys/fs/cgroup/user.slice/memory.current", "5000\n");
  EXPECT_EQ(available(), 1000 * 1024);
}

// 300 KB of what is held are files that are only cached.
TEST_F(AvailableMemory, IsWhatAGroupLeaves) {
  write("proc/self/cgroup", "0::/user.slice/app.scope\n");
  write("sys/fs/cgroup/user.slice/memory.max", "800000\n");
  write("sys/fs/cgroup/user.slice/memory.current", "500000\n");
  write("sys/fs/cgroup/user.slice/memory.stat", "anon 200000\ninactive_file 200000\nactive_file 100000\n");
  EXPECT_EQ(available(), 600000);
  write("sys/fs/cgroup/user.slice/app.scope/memory.max", "100000\n");
  write("sys/fs/cgroup/user.slice/app.scope/memory.current", "150000\n");
  EXPECT_EQ(available(), 0);
}

// A container sees its own group as the outermost, whatever the path says.
TEST_F(AvailableMemory, IsWhatAContainerLeavesInTheOlderInterface) {
  write("proc/self/cgroup", "9:name=systemd:/\n4:memory:/docker/1f0a\n0::/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "700000\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "600000\n");
  write("sys/fs/cgroup/memory/memory.stat",
        "inactive_file 1\ntotal_inactive_file 50000\ntotal_active_file 50000\n");
  EXPECT_EQ(available(), 200000);
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(available(), 1000 * 1024);
}

TEST_F(AvailableMemory, OfThisMachine) {
  EXPECT_GT(pipeline::available_memory(), 0);
}

}  // namespace
}  // namespace dq::test
