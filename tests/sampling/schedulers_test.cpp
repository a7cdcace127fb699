// Noise levels against ComfyUI's rules restated in PyTorch and SciPy (make_sampling.py).
#include "sampling/schedulers.h"

#include <gtest/gtest.h>

#include <map>

#include "files/weight_source.h"
#include "sampling/beta_quantile.h"
#include "support.h"

namespace dq::sampling {
namespace {

std::map<std::string, SigmaTable> tables() {
  using models::Prediction;
  return {{"eps", SigmaTable({}, Prediction::kEps)},
          {"zero_snr", SigmaTable({.zero_terminal_snr = true}, Prediction::kV)},
          {"flow1", SigmaTable({.flow_shift = 1}, Prediction::kFlow)},
          {"flow3", SigmaTable({.flow_shift = 3}, Prediction::kFlow)}};
}

TEST(SigmaTable, EqualsTorchBitForBit) {
  const auto device = ops::make_ref_device();
  const auto source = files::open_weights(test::golden_path("sampling/sampling.safetensors"));
  for (const auto& [name, table] : tables()) {
    const Tensor want = test::golden(*source, "table." + name, *device);
    ASSERT_EQ(want.count(), 1000);
    for (std::size_t i = 0; i < 1000; ++i) {
      EXPECT_NEAR(table.sigmas()[i], want.data<float>()[i], 1.3e-7 * want.data<float>()[i])
          << name << " " << i;
    }
  }
  const SigmaTable eps({}, models::Prediction::kEps);
  EXPECT_NEAR(eps.sigmas()[500], 1.61827883, 1e-7);
  EXPECT_NEAR(eps.sigma_max(), 14.61464123, 1e-6);
}

TEST(SigmaTable, TimestepAndSigmaAreInverse) {
  for (const auto& [name, table] : tables()) {
    for (const int t : {0, 1, 2, 37, 500, 998, 999}) {
      const double timestep = table.is_flow() ? (t + 1) : t;
      // A flow table is shifted, timestep() is not: the network is told 1000·σ.
      const double back = table.is_flow() ? 1000 * table.sigma(timestep) : timestep;
      EXPECT_NEAR(table.timestep(table.sigma(timestep)), back, 1e-9) << name << " " << t;
    }
  }
  const SigmaTable eps({}, models::Prediction::kEps);
  EXPECT_EQ(eps.timestep(1e-9), 0);
  EXPECT_EQ(eps.timestep(0), 0);
  EXPECT_EQ(eps.timestep(1e9), 999);
  EXPECT_NEAR(std::log(eps.sigma(499.25)), 0.75 * 0.47802524 + 0.25 * 0.48136313, 1e-6);
}

TEST(SigmaTable, PercentOfTheWay) {
  const SigmaTable eps({}, models::Prediction::kEps), flow({.flow_shift = 3}, models::Prediction::kFlow);
  EXPECT_NEAR(eps.percent_to_sigma(0.1), 8.307172, 1e-5);
  EXPECT_NEAR(eps.percent_to_sigma(0.2), 5.092408, 1e-5);
  EXPECT_NEAR(eps.percent_to_sigma(0.5), 1.615580, 1e-6);
  EXPECT_NEAR(eps.percent_to_sigma(0.8), 0.571189, 1e-6);
  EXPECT_GT(eps.percent_to_sigma(0), 1e8);
  EXPECT_EQ(eps.percent_to_sigma(1), 0);
  EXPECT_EQ(flow.percent_to_sigma(0), 1);
  EXPECT_NEAR(flow.percent_to_sigma(0.5), 0.75, 1e-12);
}

TEST(BetaQuantile, EqualsScipy) {
  const auto golden = test::golden_json("schedules.json");
  for (const auto& row : golden["beta_quantile"]) {
    const double want = row[3];
    EXPECT_NEAR(beta_quantile(row[0], row[1], row[2]), want, 1e-11 * want) << row;
  }
  for (const auto& [steps, indices] : golden["beta_indices"].items()) {
    const int n = std::stoi(steps);
    for (int i = 0; i < n; ++i) {
      const double t = 1 - static_cast<double>(i) / n;
      EXPECT_EQ(std::nearbyint(beta_quantile(t, 0.6, 0.6) * 999),
                indices[static_cast<std::size_t>(i)].get<double>())
          << n << " steps, " << i;
    }
  }
}

TEST(Schedulers, EqualComfyUi) {
  const auto golden = test::golden_json("schedules.json");
  const auto all = tables();
  ASSERT_EQ(golden["cases"].size(), 4U * 9U * 9U + 8U);
  for (const auto& row : golden["cases"]) {
    const ScheduleRequest request{row[2].get<int>(), row[3].get<double>(), row[4].get<bool>()};
    const std::vector<double> got =
        make_sigmas(find_scheduler(row[1].get<std::string>()), all.at(row[0].get<std::string>()), request);
    const auto want = row[5].get<std::vector<double>>();
    ASSERT_EQ(got.size(), want.size()) << row;
    // Both round to float. ComfyUI's timesteps are floats too, 6e-5 apart near 1000; where a zero-SNR table
    // rises by 2.5 % from step to step, that is 1.5e-6 of σ.
    const double tolerance = row[0] == "zero_snr" ? 3e-6 : 1e-6;
    for (std::size_t i = 0; i < want.size(); ++i)
      EXPECT_NEAR(got[i], want[i], tolerance * want[i]) << row << i;
  }
}

TEST(Schedulers, PublishedLists) {
  const SigmaTable eps({}, models::Prediction::kEps), flow({.flow_shift = 3}, models::Prediction::kFlow);
  const auto expect = [](const std::vector<double>& got, const std::vector<double>& want) {
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5) << i;
  };
  expect(make_sigmas(find_scheduler("Karras"), eps, {.steps = 10}),
         {14.614641, 9.102928, 5.478392, 3.168603, 1.749417, 0.914072, 0.446918, 0.201398, 0.081910, 0.029167,
          0});
  expect(make_sigmas(find_scheduler("ddim_uniform"), eps, {.steps = 10}),
         {8.390685, 5.134431, 3.347764, 2.292854, 1.623692, 1.168216, 0.835653, 0.574050, 0.346187, 0.041314,
          0});
  expect(make_sigmas(find_scheduler("normal"), flow, {.steps = 10}),
         {1, 0.960129, 0.913349, 0.857692, 0.790368, 0.707278, 0.602151, 0.464876, 0.278049, 0.008929, 0});
}

TEST(Schedulers, AlwaysFall) {
  for (const auto& [name, table] : tables()) {
    for (const Scheduler& scheduler : schedulers()) {
      for (const int steps : {1, 2, 3, 6, 50, 333, 1500}) {
        const std::vector<double> sigmas = make_sigmas(scheduler, table, {.steps = steps});
        ASSERT_GE(sigmas.size(), 2U) << scheduler.name << " " << name << " " << steps;
        EXPECT_EQ(sigmas.back(), 0);
        for (std::size_t i = 1; i < sigmas.size(); ++i) {
          ASSERT_LT(sigmas[i], sigmas[i - 1]) << scheduler.name << " " << name << " " << steps << " at " << i;
        }
      }
    }
  }
}

TEST(Schedulers, Names) {
  ASSERT_EQ(schedulers().size(), 9U);
  EXPECT_EQ(find_scheduler("SGM Uniform").name, "sgm_uniform");
  EXPECT_EQ(find_scheduler("Uniform").name, "normal");
  EXPECT_EQ(find_scheduler("KL optimal").name, "kl_optimal");
  try {
    find_scheduler("karas");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(e.hint().find("karras"), std::string::npos) << e.what();
  }
}

TEST(Schedulers, BadRequests) {
  const SigmaTable eps({}, models::Prediction::kEps);
  const Scheduler& karras = find_scheduler("karras");
  EXPECT_TRUE(make_sigmas(karras, eps, {.steps = 10, .denoise = 0}).empty());
  EXPECT_THROW(make_sigmas(karras, eps, {.steps = 0}), Error);
  EXPECT_THROW(make_sigmas(karras, eps, {.steps = 10, .denoise = 1.1}), Error);
  EXPECT_THROW(make_sigmas(karras, eps, {.steps = 10, .denoise = std::nan("")}), Error);
  EXPECT_THROW(make_sigmas(karras, eps, {.steps = 10, .denoise = 1e-9}), Error);
}

}  // namespace
}  // namespace dq::sampling
