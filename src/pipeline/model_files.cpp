#include "pipeline/model_files.h"

#include <fmt/format.h>

#include "models/recognise.h"
#include "pipeline/built_in.h"

namespace dq::pipeline {
namespace {

std::optional<std::filesystem::path> optional_path(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

[[noreturn]] void refuse(const weights::TensorTable& table) {
  const models::Recognition what = models::recognise(table, {});
  // A VAE or a text encoder is of use, but not as the model.
  const std::string reason = what.supported
                                 ? fmt::format("this file holds no denoiser ({}): it cannot paint by itself",
                                               models::title(what.role))
                                 : what.support_note;
  throw Error(ErrorCode::kUnsupported, reason)
      .in(table.origin())
      .hint("`danqing inspect` tells what the file is and what it fits");
}

}  // namespace

OpenModel open_model(const Request& request) {
  OpenModel open;
  open.files = weights::open_components(
      {model_path(request.model), optional_path(request.vae), optional_path(request.text_encoder)});
  for (const models::Family* family : models::families()) {
    const std::optional<models::Variant> variant = family->detect(open.files.main);
    if (!variant) continue;
    open.family = family;
    open.variant = *variant;
    if (request.prediction) {
      open.variant.prediction = *request.prediction;
      open.variant.schedule.zero_terminal_snr = request.zero_terminal_snr;
    }
    return open;
  }
  refuse(open.files.main);
}

}  // namespace dq::pipeline
