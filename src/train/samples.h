#pragma once
// What a trained file paints, through the same code as any other picture: from the file as it was written.
#include <filesystem>
#include <functional>
#include <vector>

#include "base/log.h"
#include "media/image.h"
#include "train/dataset.h"
#include "train/request.h"

namespace dq::train {

// A model to paint samples with.
struct SampleSource {
  std::filesystem::path file;  // an adapter, a control net, an embedding, a checkpoint; empty: the base alone
  double strength = 1;         // of an adapter or a control net
};

// A prompt for when nobody gave one: the trigger, or the first picture's caption.
std::string sample_prompt(const TrainRequest& request, const Dataset& data);

// One picture a prompt of request.samples, with request.sample_steps steps and the run's seed: the pictures
// of two sources differ by the sources alone. Where the trigger of an embedding stands in a prompt, the file
// is called ("embedding:name"); for the base the words stand there that it began with. Throws what painting
// throws.
std::vector<media::Image> paint_samples(Device& device, const TrainRequest& request,
                                        const SampleSource& source, const std::function<bool()>& cancelled);

// A column a strength with its number above, a row a prompt: for adapters and control nets 0 (the base), 0.5,
// 0.75 and 1; for a checkpoint or an embedding the base and itself. The PNG's text says so too. Returns the
// first picture of the last column.
media::Image write_grid(Device& device, const TrainRequest& request, const std::filesystem::path& picture,
                        const std::function<bool()>& cancelled);

}  // namespace dq::train
