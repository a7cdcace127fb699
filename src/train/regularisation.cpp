#include "train/regularisation.h"

#include <algorithm>
#include <map>

namespace dq::train {
namespace {

int dataset_of(const Dataset& data, const TrainingPicture& picture) {
  return picture.subset < data.subsets.size() ? data.subsets[picture.subset].dataset : 0;
}

// Fills in the showings of a dataset's regularisation pictures, so that they are `wanted` together.
void balance(const Dataset& data, int dataset, std::int64_t wanted, std::vector<int>& repeats) {
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < data.pictures.size(); ++i) {
    const TrainingPicture& picture = data.pictures[i];
    if (data.regularises(picture) && dataset_of(data, picture) == dataset && picture.repeats > 0)
      asked.push_back(i);
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
  std::map<int, std::int64_t> wanted;  // by dataset
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    const TrainingPicture& picture = data.pictures[i];
    if (data.regularises(picture) || std::binary_search(held_out.begin(), held_out.end(), i)) continue;
    repeats[i] = picture.repeats;
    wanted[dataset_of(data, picture)] += picture.repeats;
  }
  for (const auto& [dataset, count] : wanted) balance(data, dataset, count, repeats);
  return repeats;
}

}  // namespace dq::train
