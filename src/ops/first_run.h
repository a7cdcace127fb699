#pragma once
// Blocks that run twice (grad/checkpoint.h) need not compute everything twice: what costs much for the room
// it takes is kept from the first run (as "selective activation recomputation" in Korthikanti et al. 2022).
// The ops decide by their work alone, so both runs of a block keep and take the same.
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "tensor/device.h"
#include "tensor/tensor.h"

namespace dq::ops {

class FirstRun {
 public:
  bool is_over() const { return is_over_; }
  void end() { is_over_ = true; }
  void keep(const std::vector<Tensor>& results);
  // What the op that is `count` results behind the last taken kept. Throws kInternal when that is not there.
  std::vector<Tensor> take(std::size_t count);

 private:
  std::deque<Tensor> results_;
  bool is_over_ = false;
};

// Makes a run the device's for as long as it lives.
using FirstRunScope = DeviceScope<&Device::first_run, &Device::set_first_run>;

// Does an op keep its results in the block that runs now, when it spends `flops` on `numbers` of them? What
// it would fuse in a run that is not recorded, it must not then: both runs keep the same.
bool is_kept(Device& device, double flops, std::int64_t numbers);

// What `make` gives, always as many tensors; in the second run of a block, what it gave in the first when
// that is kept.
std::vector<Tensor> made_once(Device& device, double flops, std::int64_t numbers, std::size_t tensors,
                              const std::function<std::vector<Tensor>()>& make);

}  // namespace dq::ops
