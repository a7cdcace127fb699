#include "train/control_network.h"

#include "base/error.h"
#include "ops/elementwise.h"

namespace dq::train {

ControlNetwork::ControlNetwork(const LoadedParts& parts, const TrainRequest& request, Device& device)
    : family_(*parts.model.family), names_(request.network.names) {
  net_ = request.control_start.empty()
             ? family_.new_control_net(parts.model.files, request.seed, device)
             : family_.load_control_net(weights::open_table(request.control_start), parts.model.files, device,
                                        weights::Purpose::kTrain);
  for (const auto& [name, parameter] : net_->parameters())
    trained_.push_back({"control." + name, parameter->value, 1, parameter->is_matrix()});
}

Network::Contents ControlNetwork::contents(DType dtype) const {
  Contents out;
  for (const auto& [name, parameter] : net_->parameters()) {
    const std::string theirs = family_.control_name(name, names_);
    if (theirs.empty())
      throw Error(ErrorCode::kInternal, "a parameter of the control net has no name").key(name);
    const Tensor value = ops::convert(parameter->value.detached(), dtype).reshape(parameter->stored);
    out.tensors.push_back(files::to_write(theirs, value));
  }
  return out;
}

}  // namespace dq::train
