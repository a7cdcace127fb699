#pragma once
// Where a tensor lives and who computes on it. A Device outlives every tensor on it; there are no globals.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/threads.h"

namespace dq {

namespace ops {
struct Backend;  // ops/backend.h: a table of functions, one an op
class FirstRun;  // ops/first_run.h
}  // namespace ops

enum class DeviceKind : std::uint8_t { kCpu, kCuda };

// The arithmetic that matrix products use. Sums are f32 in both.
enum class Precision : std::uint8_t { kF32, kBF16 };

// Counts the bytes of live tensors, so that plans can be checked against what happened.
struct MemoryUse {
  std::int64_t now = 0;
  std::int64_t peak = 0;
};

class Device {
 public:
  virtual ~Device() = default;

  virtual DeviceKind kind() const = 0;
  // For people: "CPU, 2 threads, AVX2".
  virtual std::string name() const = 0;
  // Uninitialised, 64-byte aligned bytes; throws kOutOfMemory with the size asked for.
  std::shared_ptr<std::byte> allocate(std::uint64_t bytes);
  // The most that live tensors may take together; 0: whatever the system gives. A system that promises more
  // than it has ends the program; within a bound allocate() throws before.
  std::int64_t memory_bound() const { return memory_bound_; }
  void set_memory_bound(std::int64_t bytes) { memory_bound_ = bytes; }
  virtual ThreadPool& threads() = 0;
  virtual MemoryUse memory() const = 0;
  // Gives memory that is kept for later use back to the system: after a model was let go, before another
  // phase.
  virtual void trim() {}

  // Multiply-adds of matrix products so far, counted twice as usual, for benchmarks: what the plain algorithm
  // would do, whichever one really ran.
  double flops() const { return flops_; }
  void count_flops(double flops) { flops_ += flops; }

  // Do ops remember where their results came from? Off inside a block that is run again later
  // (grad/checkpoint.h). Whether anything is remembered at all depends on the tensors: see tensor/gradient.h.
  bool recording() const { return recording_; }
  void set_recording(bool on) { recording_ = on; }

  // What ops kept in the first run of the block that runs now, when it is one that runs twice; else null.
  ops::FirstRun* first_run() const { return first_run_; }
  void set_first_run(ops::FirstRun* run) { first_run_ = run; }

  const ops::Backend& backend() const { return *backend_; }
  Precision precision() const { return precision_; }

 protected:
  Device(const ops::Backend* backend, Precision precision) : backend_(backend), precision_(precision) {}
  virtual std::shared_ptr<std::byte> allocate_block(std::uint64_t bytes) = 0;

 private:
  const ops::Backend* backend_;
  Precision precision_;
  double flops_ = 0;
  std::int64_t memory_bound_ = 0;
  bool recording_ = true;
  ops::FirstRun* first_run_ = nullptr;
};

// What an allocation that cannot be had throws: kOutOfMemory with its size; `use`: ": … are in use", or
// nothing.
[[noreturn]] void throw_no_memory(std::uint64_t bytes, std::string_view use = "");

// Holds one of a device's settings for as long as it lives.
template <auto Get, auto Set>
class DeviceScope {
 public:
  using Value = decltype((std::declval<const Device&>().*Get)());

  DeviceScope(Device& device, Value value) : device_(device), before_((device.*Get)()) {
    (device_.*Set)(value);
  }
  ~DeviceScope() { (device_.*Set)(before_); }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  Device& device_;
  Value before_;
};

using MemoryBoundScope = DeviceScope<&Device::memory_bound, &Device::set_memory_bound>;

}  // namespace dq
