#pragma once
// Brownian motion that can be asked for any interval, in any order, and always answers from the same path:
// torchsde.BrownianTree (Li et al. 2020), as k-diffusion uses it over noise levels.
//
//   root      W(t1) − W(t0)                          randn · √(t1 − t0)
//   node      [a, b], split at m = (a + b)/2         W_left = W·(m−a)/(b−a) + √((m−a)(b−m)/(b−a))·z
//                                                    W_right = W − W_left
// Every time is rounded to 6 decimals; z of a node is randn seeded from the path to it.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace dq::sampling {

// Fills with torch.randn of a fresh generator with this seed.
using SeededRandn = std::function<void(std::uint64_t seed, std::span<float> out)>;

class BrownianTree {
 public:
  // `count` independent motions over the noise levels [t0, t1], t0 < t1.
  BrownianTree(double t0, double t1, std::size_t count, std::uint64_t entropy, SeededRandn randn);

  // The increments W(t) − W(s), s ≤ t. Times outside [t0, t1] are moved to its ends.
  std::vector<float> operator()(double s, double t);

 private:
  using Values = std::shared_ptr<const std::vector<float>>;
  struct Node {
    double begin, end;
    std::uint64_t key;  // the path from the root: 2·key, +1 to the right
    std::uint64_t depth;
  };
  struct Kept {
    Values values;
    std::uint64_t used;
  };

  void collect(const Node& node, const Values& increment, double s, double t, std::vector<float>& sum);
  Values left_half(const Node& node, double middle, const Values& increment);

  double t0_, t1_;
  std::size_t count_;
  std::uint64_t entropy_;
  SeededRandn randn_;
  Values root_;
  // Left halves that were asked for lately; neighbouring intervals share most of their path.
  std::map<std::pair<std::uint64_t, std::uint64_t>, Kept> cache_;
  std::uint64_t clock_ = 0;
};

}  // namespace dq::sampling
