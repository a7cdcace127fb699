#pragma once
// A device with memory and nothing else, for tests below the ops.
#include <cstdlib>

#include "tensor/tensor.h"

namespace dq::test {

class HostDevice final : public Device {
 public:
  HostDevice() : Device(nullptr, Precision::kF32), threads_(1) {}
  DeviceKind kind() const override { return DeviceKind::kCpu; }
  std::string name() const override { return "host memory"; }
  ThreadPool& threads() override { return threads_; }
  MemoryUse memory() const override { return {}; }

 private:
  std::shared_ptr<std::byte> allocate_block(std::uint64_t bytes) override {
    void* data = std::aligned_alloc(64, static_cast<std::size_t>(bytes + 64) / 64 * 64);
    return {static_cast<std::byte*>(data), [](std::byte* p) { std::free(p); }};
  }

  ThreadPool threads_;
};

}  // namespace dq::test
