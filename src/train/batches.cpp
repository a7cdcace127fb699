#include "train/batches.h"

#include <algorithm>
#include <map>

#include "base/counter_random.h"
#include "base/error.h"

namespace dq::train {
namespace {

template <class T>
void shuffle_in_place(std::vector<T>& values, CounterRandom random) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

}  // namespace

Batches::Batches(std::vector<BatchItem> items, int batch_size, std::uint64_t seed)
    : items_(std::move(items)), batch_size_(batch_size), seed_(seed) {
  if (items_.empty() || batch_size < 1) {
    throw Error(ErrorCode::kInvalidArgument, "there is nothing to make batches of");
  }
  shuffle(0);
  per_epoch_ = static_cast<std::int64_t>(batches_.size());
}

void Batches::shuffle(int epoch) {
  std::map<Size, std::vector<std::size_t>> by_bucket;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    for (int repeat = 0; repeat < items_[i].repeats; ++repeat) by_bucket[items_[i].bucket].push_back(i);
  }
  batches_.clear();
  std::uint64_t number = 0;
  const auto at = static_cast<std::uint64_t>(epoch);
  for (auto& [bucket, members] : by_bucket) {
    shuffle_in_place(members, CounterRandom{seed_, 0xba7, at, ++number});
    for (std::size_t begin = 0; begin < members.size(); begin += static_cast<std::size_t>(batch_size_)) {
      const std::size_t end = std::min(members.size(), begin + static_cast<std::size_t>(batch_size_));
      batches_.push_back({epoch,
                          bucket,
                          {members.begin() + static_cast<std::ptrdiff_t>(begin),
                           members.begin() + static_cast<std::ptrdiff_t>(end)}});
    }
  }
  if (batches_.empty()) throw Error(ErrorCode::kInvalidArgument, "every picture has 0 repeats");
  shuffle_in_place(batches_, CounterRandom{seed_, 0xba7, at, 0});
  shuffled_ = epoch;
}

Batch Batches::at(std::int64_t step) {
  const int epoch = static_cast<int>(step / per_epoch_);
  if (epoch != shuffled_) shuffle(epoch);
  return batches_[static_cast<std::size_t>(step % per_epoch_)];
}

}  // namespace dq::train
