#pragma once
// Where a tensor lives and who computes on it. A Device outlives every tensor on it; there are no globals.
#include <cstdint>
#include <memory>
#include <string>

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
  virtual std::shared_ptr<std::byte> allocate(std::uint64_t bytes) = 0;
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

 private:
  const ops::Backend* backend_;
  Precision precision_;
  double flops_ = 0;
  bool recording_ = true;
  ops::FirstRun* first_run_ = nullptr;
};

}  // namespace dq
