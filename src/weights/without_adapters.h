#pragma once
// A network for a while as its file has it.
#include <memory>
#include <utility>
#include <vector>

#include "weights/parameter.h"

namespace dq::weights {

// Takes every adapter off these parameters, and hangs them on again at the end of its life.
class WithoutAdapters {
 public:
  explicit WithoutAdapters(const Parameters& of);
  ~WithoutAdapters();
  WithoutAdapters(const WithoutAdapters&) = delete;
  WithoutAdapters& operator=(const WithoutAdapters&) = delete;

 private:
  std::vector<std::pair<std::shared_ptr<Parameter>, std::vector<std::shared_ptr<const Adapter>>>> kept_;
};

}  // namespace dq::weights
