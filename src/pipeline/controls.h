#pragma once
// The control nets of a request: opened before anything large is loaded, loaded when they are needed, kept as
// long as requests name them.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "media/image.h"
#include "models/control.h"
#include "pipeline/model_files.h"
#include "pipeline/request.h"
#include "sampling/model_wrapper.h"

namespace dq::pipeline {

class Controls {
 public:
  explicit Controls(Device& device) : device_(device) {}

  // Opens the files of request.controls that are not open, and lets go of all others. Those with strength 0
  // are not looked at. Throws what opening throws, and kUnsupported for a file that is no control net for
  // this model. `model` must live until the next open or clear.
  void open(const Request& request, const OpenModel& model);
  void clear() { nets_.clear(); }
  // Lets go of the weights; the files stay open.
  void release();

  int at_work() const { return uses_; }
  models::ControlFootprint footprint() const;  // of all together

  // What samplers need to follow the pictures (in the order of request.controls) at this size: they fill it,
  // and what stands out is cut.
  std::vector<sampling::TimedControl> prepare(const Request& request,
                                              const std::vector<media::Image>& pictures, int width,
                                              int height, const sampling::SigmaTable& table);

 private:
  struct Net {
    weights::TensorTable file;
    models::ControlFootprint footprint;
    std::unique_ptr<models::ControlNet> loaded;
  };

  Device& device_;
  const OpenModel* model_ = nullptr;
  std::map<std::string, Net> nets_;  // by file
  int uses_ = 0;
};

}  // namespace dq::pipeline
