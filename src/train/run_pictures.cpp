#include "train/run_pictures.h"

#include <algorithm>

#include "base/error.h"
#include "train/configured_dataset.h"
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

// Is there a control picture for every picture, as far as folders tell?
void check_conditioning(const TrainRequest& request, const DatasetConfig* config) {
  const bool all = config && std::all_of(config->subsets.begin(), config->subsets.end(),
                                         [](const auto& s) { return !s.files.conditioning.empty(); });
  if (!request.conditioning.empty() || all) return;
  throw Error(ErrorCode::kInvalidArgument, "a control net learns from control pictures, and none are named")
      .hint("Give their folder with --conditioning; each has the name of the picture that it is for.");
}

}  // namespace

Dataset read_pictures(TrainRequest& request, int native_size,
                      std::function<void(std::size_t, std::size_t)> on_progress, ThreadPool& threads) {
  DatasetOptions look;
  look.keep_all = request.keep_all_pictures;
  look.trigger = request.trigger;
  look.conditioning = request.conditioning;
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
  if (request.target == Target::kControlNet) check_conditioning(request, described ? &config : nullptr);
  look.resolution = request.resolution > 0 ? request.resolution : native_size;
  return described ? read_configured(config, look, threads)
                   : read_with_regularisation(request.folder, request.regularisation, look, threads);
}

}  // namespace dq::train
