#include "pipeline/controls.h"

#include <algorithm>

#include "media/resize.h"
#include "sampling/sigma_table.h"

namespace dq::pipeline {
void Controls::open(const Request& request, const OpenModel& model) {
  model_ = &model;
  std::map<std::string, Net> wanted;
  uses_ = 0;
  for (const ControlUse& use : request.controls) {
    if (use.strength == 0) continue;
    ++uses_;
    if (wanted.contains(use.file)) continue;
    if (const auto known = nets_.find(use.file); known != nets_.end()) {
      wanted.insert(nets_.extract(known));
      continue;
    }
    Net net;
    net.file = weights::open_table(use.file);
    net.footprint = model.family->control_footprint(net.file, model.files, device_.precision());
    wanted.emplace(use.file, std::move(net));
  }
  nets_ = std::move(wanted);
}

void Controls::release() {
  for (auto& [file, net] : nets_) net.loaded.reset();
}

models::ControlFootprint Controls::footprint() const {
  models::ControlFootprint sum;
  for (const auto& [file, net] : nets_) {
    sum.weights += net.footprint.weights;
    sum.encode_bytes_per_pixel = std::max(sum.encode_bytes_per_pixel, net.footprint.encode_bytes_per_pixel);
  }
  return sum;
}

std::vector<sampling::TimedControl> Controls::prepare(const Request& request,
                                                      const std::vector<media::Image>& pictures, int width,
                                                      int height, const sampling::SigmaTable& table) {
  std::vector<sampling::TimedControl> out;
  for (std::size_t i = 0; i < request.controls.size(); ++i) {
    const ControlUse& use = request.controls[i];
    if (use.strength == 0) continue;
    Net& net = nets_.at(use.file);
    if (!net.loaded) net.loaded = model_->family->load_control_net(net.file, model_->files, device_);
    const media::Image sized = media::fit(pictures[i], width, height, media::Fit::kCrop);
    out.push_back({{net.loaded.get(), net.loaded->encode(media::to_levels(device_, sized)), use.strength},
                   table.percent_to_sigma(use.start),
                   table.percent_to_sigma(use.end)});
  }
  return out;
}

}  // namespace dq::pipeline
