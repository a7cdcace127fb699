#pragma once
// A control net as leaves; the model beside it stays as it is.
#include "models/control.h"
#include "train/network.h"

namespace dq::train {

class ControlNetwork final : public Network {
 public:
  // Begins as one that adds nothing, with the model's own way in; or as the file of request.control_start.
  // Throws what Family::load_control_net throws.
  ControlNetwork(const LoadedParts& parts, const TrainRequest& request, Device& device);

  Contents contents(DType dtype) const override;
  const models::ControlNet* control_net() const override { return net_.get(); }

 private:
  const models::Family& family_;
  models::AdapterNames names_;
  std::unique_ptr<models::ControlNet> net_;
};

}  // namespace dq::train
