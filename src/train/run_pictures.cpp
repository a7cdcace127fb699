#include "train/run_pictures.h"

#include "base/error.h"
#include "train/dataset_config.h"
#include "train/regularisation.h"

namespace dq::train {
namespace {

// As sd-scripts has it, the description counts before the command line.
void apply(const DatasetConfig& config, TrainRequest& request) {
  if (config.resolution > 0) request.resolution = config.resolution;
  if (config.batch > 0) request.batch = config.batch;
  request.buckets = {config.bucket_smallest, config.bucket_largest, config.bucket_step,
                     config.bucket_upscale};
}

}  // namespace

Dataset read_pictures(TrainRequest& request, int native_size,
                      std::function<void(std::size_t, std::size_t)> on_progress, ThreadPool& threads) {
  DatasetOptions look;
  look.keep_all = request.keep_all_pictures;
  look.trigger = request.trigger;
  look.on_progress = std::move(on_progress);
  DatasetConfig config;
  const bool described = is_dataset_config(request.folder);
  if (described) {
    if (!request.regularisation.empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a dataset's description names its regularisation pictures itself")
          .hint("Use is_reg = true in a subset instead of --regularisation.");
    }
    config = read_dataset_config(request.folder, {request.captions, request.flip});
    apply(config, request);
  }
  look.resolution = request.resolution > 0 ? request.resolution : native_size;
  return described ? read_configured(config, look, threads)
                   : read_with_regularisation(request.folder, request.regularisation, look, threads);
}

}  // namespace dq::train
