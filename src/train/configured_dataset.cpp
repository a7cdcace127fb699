#include "train/configured_dataset.h"

#include <string>
#include <utility>

#include "base/error.h"

namespace dq::train {

Dataset read_configured(const DatasetConfig& config, DatasetOptions options, ThreadPool& threads) {
  Dataset out;
  const std::string trigger = options.trigger;
  for (const bool regularisation : {false, true}) {
    options.regularisation = regularisation;
    options.trigger = regularisation ? "" : trigger;
    for (const SubsetConfig& subset : config.subsets) {
      if (subset.regularisation != regularisation) continue;
      Dataset own = read_subset(subset.files, options, threads);
      own.subsets[0].captions = subset.captions;
      own.subsets[0].flip = subset.flip;
      own.subsets[0].dataset = subset.dataset;
      append(out, std::move(own));
    }
    if (out.pictures.empty()) {
      throw Error(ErrorCode::kInvalidArgument, "the dataset's description names regularisation pictures only")
          .hint("At least one subset needs is_reg = false.");
    }
  }
  out.warnings.insert(out.warnings.end(), config.warnings.begin(), config.warnings.end());
  return out;
}

}  // namespace dq::train
