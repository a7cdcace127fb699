#pragma once
// The dataset that a description (dataset_config.h) names.
#include "base/threads.h"
#include "train/dataset.h"
#include "train/dataset_config.h"

namespace dq::train {

// The pictures of all subsets, those of regularisation last. Throws as read_dataset does.
Dataset read_configured(const DatasetConfig& config, DatasetOptions options, ThreadPool& threads);

}  // namespace dq::train
