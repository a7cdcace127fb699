#include "train/regularisation.h"

#include <algorithm>

namespace dq::train {
namespace {

// Fills in the showings of the regularisation pictures, so that they are `wanted` together.
void balance(const Dataset& data, std::int64_t wanted, std::vector<int>& repeats) {
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < data.pictures.size(); ++i) {
    if (data.regularises(data.pictures[i]) && data.pictures[i].repeats > 0) asked.push_back(i);
  }
  std::int64_t shown = 0;
  for (std::size_t k = 0; k < asked.size() && shown < wanted; ++k) {
    repeats[asked[k]] = data.pictures[asked[k]].repeats;
    shown += repeats[asked[k]];
  }
  for (std::size_t k = 0; !asked.empty() && shown < wanted; ++k, ++shown) ++repeats[asked[k % asked.size()]];
}

}  // namespace

Dataset read_with_regularisation(const std::filesystem::path& folder, const std::filesystem::path& classes,
                                 DatasetOptions options, ThreadPool& threads) {
  Dataset data = read_dataset(folder, options, threads);
  if (classes.empty()) return data;
  options.trigger.clear();
  options.regularisation = true;
  append(data, read_dataset(classes, options, threads));
  return data;
}

std::vector<int> repeats_in_epoch(const Dataset& data, const std::vector<std::size_t>& held_out) {
  std::vector<int> repeats(data.pictures.size(), 0);
  std::int64_t wanted = 0;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    const TrainingPicture& picture = data.pictures[i];
    if (data.regularises(picture) || std::binary_search(held_out.begin(), held_out.end(), i)) continue;
    repeats[i] = picture.repeats;
    wanted += picture.repeats;
  }
  balance(data, wanted, repeats);
  return repeats;
}

}  // namespace dq::train
