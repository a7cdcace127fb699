#include "media/prompt_loras.h"

#include "media/json_text.h"
#include "media/text_scan.h"

namespace dq::media {

namespace {

// The parts of one tag behind "lora:".
std::optional<LoraUse> read_tag(std::string_view body) {
  LoraUse use;
  std::optional<double> text_encoder, denoiser;
  int position = 0;
  for (std::size_t at = 0; at <= body.size(); ++position) {
    const std::size_t colon = std::min(body.find(':', at), body.size());
    const std::string_view part = strip(body.substr(at, colon - at));
    at = colon + 1;
    if (position == 0) {
      use.name = part;
    } else if (part.substr(0, 3) == "te=") {
      text_encoder = number_of(part.substr(3));
    } else if (part.substr(0, 5) == "unet=") {
      denoiser = number_of(part.substr(5));
    } else if (position == 1) {
      text_encoder = number_of(part);
    } else if (position == 2) {
      denoiser = number_of(part);
    }
  }
  if (use.name.empty()) return {};
  const double te = text_encoder.value_or(1.0);
  use.strength = denoiser.value_or(te);
  if (use.strength != te) use.text_encoder_strength = te;
  return use;
}

}  // namespace

std::vector<LoraUse> loras_in_prompt(std::string_view prompt) {
  std::vector<LoraUse> out;
  for (std::size_t at = prompt.find('<'); at != std::string_view::npos; at = prompt.find('<', at + 1)) {
    std::string_view tag = prompt.substr(at + 1);
    const bool known = tag.substr(0, 5) == "lora:" || tag.substr(0, 5) == "lyco:";
    if (!known) continue;
    const std::size_t end = tag.find_first_of("<>\n");
    if (end == std::string_view::npos || tag[end] != '>') continue;
    if (auto use = read_tag(tag.substr(5, end - 5))) out.push_back(std::move(*use));
  }
  return out;
}

}  // namespace dq::media
