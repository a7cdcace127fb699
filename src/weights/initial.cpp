#include "weights/initial.h"

#include <algorithm>
#include <cmath>

#include "base/counter_random.h"
#include "base/error.h"

namespace dq::weights {
namespace {

constexpr double kTableDeviation = 0.02;

// FNV-1a, so that a parameter gets the same numbers whatever stands beside it.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

void initialise(const Parameters& parameters, std::uint64_t seed,
                const std::function<bool(std::string_view)>& starts_at_zero) {
  for (const auto& [name, parameter] : parameters) {
    if (!parameter->value.defined()) {
      throw Error(ErrorCode::kInternal, "a frozen parameter cannot start anew").key(name);
    }
    Tensor value = parameter->value.detached();
    const std::span<float> numbers(value.data<float>(), static_cast<std::size_t>(value.count()));
    CounterRandom random{seed, hash_of(name)};
    if (starts_at_zero && starts_at_zero(name)) {
      std::ranges::fill(numbers, 0.0f);
    } else if (!parameter->is_matrix()) {
      std::ranges::fill(numbers, name.ends_with(".weight") ? 1.0f : 0.0f);
    } else if (name.find("embedding") != std::string::npos) {
      Normals normals(random);
      for (float& v : numbers) v = static_cast<float>(kTableDeviation * normals.next());
    } else {
      const double fan_in = static_cast<double>(value.count()) / static_cast<double>(parameter->shape[0]);
      for (float& v : numbers) v = static_cast<float>((2 * random.uniform() - 1) / std::sqrt(fan_in));
    }
  }
}

}  // namespace dq::weights
