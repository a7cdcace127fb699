#pragma once
// Which pictures stand in which step. The order is a function of the seed and the step alone, so a run that
// goes on later needs to store neither.
#include <cstdint>
#include <vector>

#include "train/buckets.h"

namespace dq::train {

struct BatchItem {
  Size bucket;  // what it is brought to
  int repeats = 1;
};

struct Batch {
  int epoch = 0;
  Size bucket;
  std::vector<std::size_t> items;  // all of this bucket
};

class Batches {
 public:
  // Batches never mix buckets; the last one of a bucket may be smaller. Throws kInvalidArgument when nothing
  // is there.
  Batches(std::vector<BatchItem> items, int batch_size, std::uint64_t seed);

  std::int64_t per_epoch() const { return per_epoch_; }
  Batch at(std::int64_t step);

 private:
  void shuffle(int epoch);

  std::vector<BatchItem> items_;
  int batch_size_;
  std::uint64_t seed_;
  std::int64_t per_epoch_ = 0;
  int shuffled_ = -1;           // the epoch that batches_ is for
  std::vector<Batch> batches_;  // of one epoch
};

}  // namespace dq::train
