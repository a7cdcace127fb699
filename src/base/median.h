#pragma once
#include <algorithm>
#include <vector>

namespace dq {

// The middle one; of an even count the upper of the two. `of` must not be empty.
inline double median(std::vector<double> of) {
  std::ranges::sort(of);
  return of[of.size() / 2];
}

}  // namespace dq
