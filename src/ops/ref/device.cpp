#include "ops/devices.h"
#include "ops/host_memory.h"
#include "ops/ref/reference.h"

namespace dq::ops {
namespace {

class RefDevice final : public Device {
 public:
  RefDevice() : Device(&ref::kBackend, Precision::kF32), threads_(1) {}

  DeviceKind kind() const override { return DeviceKind::kCpu; }
  std::string name() const override { return "reference"; }
  ThreadPool& threads() override { return threads_; }
  MemoryUse memory() const override { return memory_.use(); }

 private:
  std::shared_ptr<std::byte> allocate_block(std::uint64_t bytes) override { return memory_.allocate(bytes); }

  HostMemory memory_;
  ThreadPool threads_;
};

}  // namespace

std::unique_ptr<Device> make_ref_device() {
  return std::make_unique<RefDevice>();
}

}  // namespace dq::ops
