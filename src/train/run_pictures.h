#pragma once
// The pictures that a request names: a folder with or without one of regularisation pictures, or a
// description.
#include "train/dataset.h"
#include "train/request.h"

namespace dq::train {

// Reads them. `native_size`: of the base, where nobody states a resolution. What a description says of sizes
// goes into the request. Throws as read_dataset and read_dataset_config do; kInvalidArgument for a
// description together with --regularisation.
Dataset read_pictures(TrainRequest& request, int native_size,
                      std::function<void(std::size_t done, std::size_t all)> on_progress,
                      ThreadPool& threads);

}  // namespace dq::train
