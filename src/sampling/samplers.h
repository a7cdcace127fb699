#pragma once
// The functions behind the rows of sampler.cpp.
#include "sampling/sampler.h"

namespace dq::sampling {

Tensor sample_euler(const SamplerInput& input);
Tensor sample_euler_ancestral(const SamplerInput& input);
Tensor sample_heun(const SamplerInput& input);
Tensor sample_dpm_2(const SamplerInput& input);
Tensor sample_dpm_2_ancestral(const SamplerInput& input);
Tensor sample_lms(const SamplerInput& input);
Tensor sample_dpmpp_2s_ancestral(const SamplerInput& input);
Tensor sample_dpmpp_sde(const SamplerInput& input);
Tensor sample_dpmpp_2m(const SamplerInput& input);
Tensor sample_dpmpp_2m_sde(const SamplerInput& input);
Tensor sample_dpmpp_3m_sde(const SamplerInput& input);
Tensor sample_lcm(const SamplerInput& input);
Tensor sample_uni_pc(const SamplerInput& input);
Tensor sample_uni_pc_bh2(const SamplerInput& input);

}  // namespace dq::sampling
