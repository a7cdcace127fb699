#include "sampling/brownian_tree.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "sampling/seed_sequence.h"

namespace dq::sampling {
namespace {

constexpr std::size_t kPool = 24;        // torchsde's pool_size
constexpr std::size_t kKeptHalves = 48;  // two paths of 24 halvings reach one part in 10⁶
constexpr std::uint64_t kMaxDepth = 60;  // spawn keys stay below 2⁶⁰; far more halvings than 6 decimals allow

// Python's round(t, 6): the exact decimal expansion, ties to even.
double round_6(double t) {
  std::array<char, 400> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), t, std::chars_format::fixed, 6).ptr;
  double result = 0;
  std::from_chars(text.data(), end, result);
  return result;
}

}  // namespace

BrownianTree::BrownianTree(double t0, double t1, std::size_t count, std::uint64_t entropy, SeededRandn randn)
    : t0_(round_6(t0)), t1_(round_6(t1)), count_(count), entropy_(entropy), randn_(std::move(randn)) {
  if (!(t0 < t1) || !std::isfinite(t0) || !std::isfinite(t1)) {
    throw Error(ErrorCode::kInternal, "a Brownian tree needs two finite times, the first below the second");
  }
  std::vector<float> values(count_);
  randn_(seed_sequence(entropy_, {}, kPool, 3)[0], values);
  const auto scale = static_cast<float>(std::sqrt(t1 - t0));
  for (float& value : values) value *= scale;
  root_ = std::make_shared<const std::vector<float>>(std::move(values));
}

std::vector<float> BrownianTree::operator()(double s, double t) {
  s = round_6(std::clamp(s, t0_, t1_));
  t = round_6(std::clamp(t, t0_, t1_));
  if (s > t) throw Error(ErrorCode::kInternal, "a Brownian increment runs forward in time");
  std::vector<float> sum;
  if (s < t) collect({t0_, t1_, 0, 0}, root_, s, t, sum);
  sum.resize(count_, 0.0F);
  return sum;
}

// Adds what node has of [s, t], s < t, both inside the node, from left to right.
void BrownianTree::collect(const Node& node, const Values& increment, double s, double t,
                           std::vector<float>& sum) {
  if (s == node.begin && t == node.end) {
    if (sum.empty()) {
      sum = *increment;
    } else {
      for (std::size_t i = 0; i < count_; ++i) sum[i] += (*increment)[i];
    }
    return;
  }
  const double middle = round_6(0.5 * (node.end + node.begin));
  if (node.depth > kMaxDepth || middle <= node.begin || middle >= node.end) {
    throw Error(ErrorCode::kInternal, "a Brownian tree cannot be split further");
  }
  const Values left = left_half(node, middle, increment);
  if (s < middle) {
    collect({node.begin, middle, 2 * node.key, node.depth + 1}, left, s, std::min(t, middle), sum);
  }
  if (t > middle) {
    std::vector<float> right(count_);
    for (std::size_t i = 0; i < count_; ++i) right[i] = (*increment)[i] - (*left)[i];
    collect({middle, node.end, 2 * node.key + 1, node.depth + 1},
            std::make_shared<const std::vector<float>>(std::move(right)), std::max(s, middle), t, sum);
  }
}

BrownianTree::Values BrownianTree::left_half(const Node& node, double middle, const Values& increment) {
  const std::pair place(node.depth, node.key);
  if (const auto found = cache_.find(place); found != cache_.end()) {
    found->second.used = ++clock_;
    return found->second.values;
  }
  const std::array<std::uint64_t, 2> path = {node.key, node.depth};
  std::vector<float> values(count_);
  randn_(seed_sequence(entropy_, path, kPool, 4)[0], values);
  // Each product and sum is rounded to float by itself, as tensor operations are.
  const double inverse = 1.0 / (node.end - node.begin);
  const double left = middle - node.begin, right = node.end - middle;
  const auto share = static_cast<float>(left), per_length = static_cast<float>(inverse);
  const auto deviation = static_cast<float>(std::sqrt(left * right * inverse));
  for (std::size_t i = 0; i < count_; ++i) {
    const float mean = share * (*increment)[i] * per_length;
    values[i] = mean + deviation * values[i];
  }
  auto result = std::make_shared<const std::vector<float>>(std::move(values));
  if (cache_.size() >= kKeptHalves) {
    cache_.erase(std::min_element(cache_.begin(), cache_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    }));
  }
  cache_[place] = {result, ++clock_};
  return result;
}

}  // namespace dq::sampling
