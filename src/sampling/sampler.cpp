#include "sampling/sampler.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/error.h"
#include "sampling/names.h"
#include "sampling/samplers.h"
#include "sampling/schedulers.h"

namespace dq::sampling {
namespace {

constexpr auto kIndependent = NoiseKind::kIndependent;
constexpr auto kBrownian = NoiseKind::kBrownian;

constexpr std::array kSamplers = {
    Sampler{.name = "euler", .label = "Euler", .run = sample_euler},
    Sampler{
        .name = "euler_ancestral", .label = "Euler a", .run = sample_euler_ancestral, .noise = kIndependent},
    Sampler{.name = "heun", .label = "Heun", .run = sample_heun, .model_calls = 2},
    Sampler{.name = "dpm_2",
            .label = "DPM2",
            .run = sample_dpm_2,
            .model_calls = 2,
            .drops_penultimate = true,
            .automatic = "karras"},
    Sampler{.name = "dpm_2_ancestral",
            .label = "DPM2 a",
            .run = sample_dpm_2_ancestral,
            .noise = kIndependent,
            .model_calls = 2,
            .drops_penultimate = true,
            .automatic = "karras"},
    Sampler{.name = "lms", .label = "LMS", .run = sample_lms},
    Sampler{.name = "dpmpp_2s_ancestral",
            .label = "DPM++ 2S a",
            .run = sample_dpmpp_2s_ancestral,
            .noise = kIndependent,
            .model_calls = 2,
            .automatic = "karras"},
    Sampler{.name = "dpmpp_sde",
            .label = "DPM++ SDE",
            .run = sample_dpmpp_sde,
            .noise = kBrownian,
            .model_calls = 2,
            .automatic = "karras"},
    Sampler{.name = "dpmpp_2m", .label = "DPM++ 2M", .run = sample_dpmpp_2m, .automatic = "karras"},
    Sampler{.name = "dpmpp_2m_sde",
            .label = "DPM++ 2M SDE",
            .run = sample_dpmpp_2m_sde,
            .noise = kBrownian,
            .automatic = "exponential"},
    Sampler{.name = "dpmpp_3m_sde",
            .label = "DPM++ 3M SDE",
            .run = sample_dpmpp_3m_sde,
            .noise = kBrownian,
            .automatic = "exponential"},
    Sampler{.name = "lcm", .label = "LCM", .run = sample_lcm, .noise = kIndependent},
    Sampler{.name = "ddim", .label = "DDIM", .run = sample_euler, .fresh_mask_noise = true},
    Sampler{.name = "uni_pc", .label = "UniPC", .run = sample_uni_pc, .drops_penultimate = true},
    Sampler{.name = "uni_pc_bh2", .label = "", .run = sample_uni_pc_bh2, .drops_penultimate = true},
};

const Sampler* try_find_sampler(std::string_view name) {
  const std::string wanted = folded(name);
  for (const Sampler& sampler : kSamplers) {
    if (wanted == folded(sampler.name) || (!sampler.label.empty() && wanted == folded(sampler.label)))
      return &sampler;
  }
  return nullptr;
}

void check(const SamplerInput& input) {
  if (!input.x.defined() || input.x.rank() != 4 || input.x.dtype() != DType::kF32 || !input.denoise) {
    throw Error(ErrorCode::kInternal, "a sampler needs a latent [N, C, h, w] in f32 and a denoiser");
  }
  for (std::size_t i = 0; i < input.sigmas.size(); ++i) {
    const double sigma = input.sigmas[i];
    const bool last = i + 1 == input.sigmas.size();
    if (!std::isfinite(sigma) || sigma < 0 || (sigma == 0 && !last) ||
        (i > 0 && sigma >= input.sigmas[i - 1])) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("noise level {} (number {}) is out of order", sigma, i))
          .hint("Noise levels fall from step to step; only the last one may be 0");
    }
  }
}

}  // namespace

std::span<const Sampler> samplers() {
  return kSamplers;
}

const Sampler& find_sampler(std::string_view name) {
  if (const Sampler* found = try_find_sampler(name)) return *found;
  std::vector<std::string> names, labels;
  for (const Sampler& sampler : kSamplers) {
    names.emplace_back(sampler.name);
    labels.emplace_back(sampler.label.empty() ? sampler.name : sampler.label);
  }
  throw unknown_name("sampler", name, names, labels);
}

SamplerChoice parse_sampler(std::string_view text) {
  if (const Sampler* found = try_find_sampler(text)) return {found, {}};
  // A scheduler's label at the end, of one word or several: the longest that is one.
  for (std::size_t at = text.find(' '); at != std::string_view::npos; at = text.find(' ', at + 1)) {
    if (const Scheduler* scheduler = try_find_scheduler(text.substr(at + 1))) {
      return {&find_sampler(text.substr(0, at)), scheduler->name};
    }
  }
  return {&find_sampler(text), {}};
}

Tensor sample(const Sampler& sampler, const SamplerInput& input) {
  check(input);
  if (input.sigmas.size() < 2) return input.x;
  input.noise.begin(sampler.noise, input.x.shape(), input.sigmas);
  return sampler.run(input);
}

}  // namespace dq::sampling
