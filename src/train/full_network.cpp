#include "train/full_network.h"

#include "weights/initial.h"

namespace dq::train {

FullNetwork::FullNetwork(const LoadedParts& parts, const TrainRequest& request, Device& device)
    : model_(parts.model), device_(device) {
  take({models::ModelPart::kDenoiser, "denoiser.", parts.denoiser.parameters(), 1}, request);
  if (!parts.text_encoder) return;
  take({models::ModelPart::kTextEncoder, "text_encoder.", parts.text_encoder->parameters(),
        request.text_rate / request.rate},
       request);
}

void FullNetwork::take(const Source& source, const TrainRequest& request) {
  const bool kept = source.part == models::ModelPart::kTextEncoder && request.keep_text_encoder;
  if (request.from_scratch && !kept) {
    weights::initialise(source.parameters, request.seed, [&](std::string_view name) {
      return model_.family->starts_at_zero(source.part, name);
    });
  }
  for (const auto& [name, parameter] : source.parameters) {
    trained_.push_back({source.name + name, parameter->value, source.rate, parameter->is_matrix()});
    values_.emplace(std::pair(source.part, name), parameter->value);
  }
}

Network::Contents FullNetwork::contents(DType dtype) const {
  pipeline::CheckpointContents all = pipeline::checkpoint_contents(model_, device_, dtype, values_);
  // What the tensors alone do not tell, as the files of trainers say it: by empty tensors of these names.
  const auto mark = [&](const char* name) {
    all.tensors.push_back(files::to_write(name, Tensor::empty(device_, dtype, {0})));
  };
  if (model_.variant.prediction == models::Prediction::kV) mark("v_pred");
  if (model_.variant.schedule.zero_terminal_snr) mark("ztsnr");
  return {std::move(all.tensors), std::move(all.texts)};
}

}  // namespace dq::train
