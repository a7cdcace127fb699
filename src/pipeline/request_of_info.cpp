// Other programs' settings → Request.
#include "pipeline/outputs.h"
#include "sampling/sampler.h"
#include "sampling/schedulers.h"

namespace dq::pipeline {
namespace {

// Programs of WebUI's lineage multiply weights and give every picture a seed of its own; their random numbers
// come from the graphics card unless the picture says otherwise.
bool webui_lineage(const std::string& program) {
  return program == "A1111 WebUI" || program == "Fooocus" || program == "StabilityMatrix" ||
         program == "SD.Next" || program == "Forge";
}

void take_sampler(Request& request, const media::GenerationInfo& info) {
  try {
    const sampling::SamplerChoice choice = sampling::parse_sampler(info.sampler);
    request.sampler = choice.sampler->name;
    request.scheduler = choice.scheduler;
    if (request.scheduler.empty() && webui_lineage(info.program))
      request.scheduler = choice.sampler->automatic;
  } catch (const Error&) {
    // A sampler we do not have: the family's default takes its place.
  }
  if (const sampling::Scheduler* scheduler = sampling::try_find_scheduler(info.scheduler)) {
    request.scheduler = scheduler->name;
  }
}

}  // namespace

Request request_of_info(const media::GenerationInfo& info) {
  Request request;
  request.prompt = info.prompt;
  request.negative_prompt = info.negative_prompt;
  request.width = info.width.value_or(0);
  request.height = info.height.value_or(0);
  request.steps = info.steps.value_or(0);
  request.guidance = info.cfg.value_or(-1);
  request.seed = info.seed.value_or(0);
  request.clip_skip = info.clip_skip.value_or(0);
  take_sampler(request, info);
  if (webui_lineage(info.program)) {
    request.reading = text::Reading::kA1111;
    request.noise_per_image = true;
    request.noise = info.rng == "CPU" ? sampling::NoiseStream::kCpu : sampling::NoiseStream::kCuda;
  }
  return request;
}

}  // namespace dq::pipeline
