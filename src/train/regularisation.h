#pragma once
// Prior preservation (Ruiz et al. 2023): beside the pictures of a subject stand pictures of its class, with
// captions that do not name the subject, so that the model keeps what it knew of the class.
#include <vector>

#include "train/dataset.h"

namespace dq::train {

// The pictures of `folder` and behind them those of `classes` (empty: none), whose captions get no trigger.
// Throws as read_dataset does.
Dataset read_with_regularisation(const std::filesystem::path& folder, const std::filesystem::path& classes,
                                 DatasetOptions options, ThreadPool& threads);

// How often each picture is shown in an epoch, by its place in `data`. Training pictures as often as they
// ask, those of `held_out` (sorted places) never. Regularisation pictures, after sd-scripts'
// DreamBoothDataset: in order, each as often as it asks, until they are at least as many as the training
// pictures; the rest is not used. Where they are too few, one showing is added to each in turn until they are
// as many.
// Of several datasets each is brought to its own number.
std::vector<int> repeats_in_epoch(const Dataset& data, const std::vector<std::size_t>& held_out);

}  // namespace dq::train
