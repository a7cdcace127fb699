#include "train/objective.h"

#include <algorithm>
#include <cmath>

#include "base/counter_random.h"
#include "base/error.h"

namespace dq::train {
namespace {

using models::Prediction;

// What a stream of random numbers is for; part of its place.
enum Purpose : std::uint64_t { kTime = 1, kNoise = 2, kOffset = 3, kPerturbation = 4 };

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// A flow time in [0, 1], before the shift.
double flow_time(const ObjectiveOptions& o, CounterRandom random) {
  switch (o.flow_times) {
    case FlowTimes::kUniform:
      return random.uniform();
    case FlowTimes::kLogitNormal:
      return sigmoid(o.flow_mean + o.flow_deviation * Normals(random).next());
    case FlowTimes::kMode: {
      // Esser et al. 2024, eq. 20 with s = 1.29.
      const double u = random.uniform(), c = std::cos(std::numbers::pi / 2 * u);
      return 1 - u - 1.29 * (c * c - 1 + u);
    }
  }
  return 0;
}

// One row's coefficients: input = a·x0 + b·n, target = p·x0 + q·n.
struct Mix {
  double a, b, p, q, snr;
};

Mix mix_at(double timestep, const sampling::SigmaTable& table, Prediction prediction) {
  if (prediction == Prediction::kFlow) {
    const double t = timestep / 1000;
    return {1 - t, t, -1, 1, 1};
  }
  const double sigma = table.sigma(timestep);
  const double b = sigma / std::sqrt(1 + sigma * sigma), a = 1 / std::sqrt(1 + sigma * sigma);
  const double snr = 1 / (sigma * sigma);
  if (prediction == Prediction::kV) return {a, b, -b, a, snr};
  return {a, b, 0, 1, snr};
}

struct Row {
  std::uint64_t seed, step, number;
  CounterRandom stream(Purpose purpose) const { return CounterRandom{seed, step, number, purpose}; }
};

// Writes one row of input and target.
void fill_row(const Tensor& latents, std::int64_t n, const Mix& mix, const ObjectiveOptions& o,
              const Row& place, NoisedBatch& out) {
  const std::int64_t channels = latents.dim(1), pixels = latents.dim(2) * latents.dim(3);
  Normals noise(place.stream(kNoise)), offset(place.stream(kOffset)), more(place.stream(kPerturbation));
  for (std::int64_t c = 0; c < channels; ++c) {
    const double shift = o.noise_offset > 0 ? o.noise_offset * offset.next() : 0;
    for (std::int64_t i = 0; i < pixels; ++i) {
      const std::int64_t at = (n * channels + c) * pixels + i;
      const double x0 = latents.data<float>()[at], e = noise.next() + shift;
      const double seen = o.input_perturbation > 0 ? e + o.input_perturbation * more.next() : e;
      out.input.data<float>()[at] = static_cast<float>(mix.a * x0 + mix.b * seen);
      out.target.data<float>()[at] = static_cast<float>(mix.p * x0 + mix.q * e);
    }
  }
}

double huber_c(const ObjectiveOptions& o, double timestep, double snr) {
  if (o.huber_schedule == HuberSchedule::kConstant) return o.huber_c;
  if (o.huber_schedule == HuberSchedule::kExponential) return std::exp(std::log(o.huber_c) * timestep / 1000);
  const double sigma = 1 / std::sqrt(snr);
  return (1 - o.huber_c) / ((1 + sigma) * (1 + sigma)) + o.huber_c;
}

NoisedBatch make_batch(const Tensor& latents, const sampling::SigmaTable& table, const ObjectiveOptions& o,
                       std::vector<double> timesteps, const std::vector<Row>& rows) {
  NoisedBatch out{Tensor::empty(latents.device(), DType::kF32, latents.shape()),
                  Tensor::empty(latents.device(), DType::kF32, latents.shape()),
                  std::move(timesteps),
                  {},
                  o.loss,
                  {}};
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const Mix mix = mix_at(out.timesteps[n], table, o.prediction);
    out.weights.push_back(o.prediction == Prediction::kFlow ? 1 : sample_weight(o, mix.snr));
    out.c.push_back(huber_c(o, out.timesteps[n], mix.snr));
    fill_row(latents, static_cast<std::int64_t>(n), mix, o, rows[n], out);
  }
  return out;
}

void check(const Tensor& latents, const sampling::SigmaTable& table, const ObjectiveOptions& o) {
  if (latents.rank() != 4 || latents.dtype() != DType::kF32 || !latents.is_contiguous()) {
    throw Error(ErrorCode::kInternal, "training takes latents as [N, C, h, w] f32");
  }
  if (table.is_flow() != (o.prediction == Prediction::kFlow)) {
    throw Error(ErrorCode::kInternal, "the noise levels and the prediction type are of different kinds");
  }
}

}  // namespace

double sample_weight(const ObjectiveOptions& o, double snr) {
  const bool v = o.prediction == Prediction::kV;
  double weight = 1;
  if (o.weighting == Weighting::kMinSnr) weight = std::min(snr, o.gamma) / (v ? snr + 1 : snr);
  if (o.weighting == Weighting::kDebiased) weight = v ? 1 / (snr + 1) : 1 / std::sqrt(std::min(snr, 1000.0));
  if (v && o.v_like_eps) weight *= snr / (snr + 1);
  return weight;
}

NoisedBatch noise_batch(const Tensor& latents, const sampling::SigmaTable& table, const ObjectiveOptions& o,
                        std::uint64_t seed, std::uint64_t step, std::uint64_t first_row) {
  check(latents, table, o);
  const auto steps = static_cast<double>(table.sigmas().size());
  std::vector<Row> rows;
  std::vector<double> timesteps;
  for (std::int64_t n = 0; n < latents.dim(0); ++n) {
    const Row row{seed, step, first_row + static_cast<std::uint64_t>(n)};
    CounterRandom random = row.stream(kTime);
    if (o.prediction == Prediction::kFlow) {
      const double t = o.first + (o.last - o.first) * flow_time(o, random);
      timesteps.push_back(1000 * o.flow_shift * t / (1 + (o.flow_shift - 1) * t));
    } else {
      const double first = std::round(o.first * steps), last = std::round(o.last * steps);
      timesteps.push_back(first +
                          static_cast<double>(random.below(static_cast<std::uint64_t>(last - first))));
    }
    rows.push_back(row);
  }
  return make_batch(latents, table, o, std::move(timesteps), rows);
}

NoisedBatch noise_batch_at(const Tensor& latents, const sampling::SigmaTable& table,
                           const ObjectiveOptions& o, const std::vector<double>& timesteps,
                           std::uint64_t seed) {
  check(latents, table, o);
  if (static_cast<std::int64_t>(timesteps.size()) != latents.dim(0)) {
    throw Error(ErrorCode::kInternal, "one timestep a latent is needed");
  }
  std::vector<Row> rows;
  for (std::size_t n = 0; n < timesteps.size(); ++n) rows.push_back({seed, ~std::uint64_t{0}, n});
  return make_batch(latents, table, o, timesteps, rows);
}

}  // namespace dq::train
