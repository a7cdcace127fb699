#include "weights/without_adapters.h"

namespace dq::weights {

WithoutAdapters::WithoutAdapters(const Parameters& of) {
  for (const auto& [name, parameter] : of) {
    if (!parameter->adapters.empty()) kept_.emplace_back(parameter, std::exchange(parameter->adapters, {}));
  }
}

WithoutAdapters::~WithoutAdapters() {
  for (auto& [parameter, adapters] : kept_) parameter->adapters = std::move(adapters);
}

}  // namespace dq::weights
