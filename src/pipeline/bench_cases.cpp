#include "pipeline/bench_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>

#include "base/median.h"
#include "base/process_memory.h"
#include "ops/attention.h"
#include "ops/linear.h"
#include "pipeline/memory_budget.h"
#include "pipeline/memory_plan.h"
#include "pipeline/model_files.h"

namespace dq::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

Tensor noise(Device& device, Shape shape) {
  Tensor out = Tensor::empty(device, DType::kF32, std::move(shape));
  std::uint64_t state = 1;
  for (std::int64_t i = 0; i < out.count(); ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    out.data<float>()[i] = static_cast<float>(state >> 40) * 0x1p-23f - 1.0f;
  }
  return out;
}

class Bench {
 public:
  Bench(Device& device, const BenchOptions& options, const std::function<void(const BenchResult&)>& report)
      : device_(device), options_(options), report_(report) {}

  std::vector<BenchResult> run() {
    matmul_roof();
    copy_roof();
    if (wanted("attention")) attention();
    if (options_.model.empty()) return std::move(results_);
    Request request;
    request.model = options_.model;
    model_ = open_model(request);
    if (wanted("text")) text();
    if (wanted("denoiser")) denoiser();
    if (wanted("vae")) vae();
    return std::move(results_);
  }

 private:
  bool wanted(const std::string& name) const {
    return options_.cases.empty() || std::ranges::find(options_.cases, name) != options_.cases.end();
  }

  static double seconds_of(const std::function<void()>& body) {
    const auto begin = Clock::now();
    body();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

  // One run that does not count, then the median of the others. Around each, the roof for a tenth of its
  // time. `bytes`: for the roof of copies, which stands for itself.
  void measure(const std::string& name, const std::function<void()>& body, double bytes = 0) {
    device_.trim();
    double last = seconds_of(body);
    reset_peak_resident();
    BenchResult result{.name = name, .bytes = bytes};
    std::vector<double> seconds, roof;
    const auto measure_roof = [&] {
      for (double spent = 0; bytes == 0 && spent < last / 10; spent += roof.back()) {
        roof.push_back(seconds_of([&] { ops::linear(roof_x_, roof_w_); }));
      }
    };
    for (int i = 0; i < options_.runs; ++i) {
      measure_roof();
      const double flops = device_.flops();
      seconds.push_back(last = seconds_of(body));
      result.flops = device_.flops() - flops;
      result.peak_anonymous = std::max(result.peak_anonymous, resident_anonymous_bytes());
    }
    measure_roof();
    result.seconds = median(seconds);
    result.peak_bytes = peak_resident_bytes();
    result.roof_share = 1;
    if (bytes == 0) result.roof_share = result.flops / result.seconds / (kRoofFlops / median(roof));
    results_.push_back(result);
    report_(result);
  }

  void matmul_roof() {
    roof_x_ = noise(device_, {kRoofSize, kRoofSize});
    roof_w_ = ops::pack_linear(device_, noise(device_, {kRoofSize, kRoofSize}), device_.precision());
    measure("matmul", [&] { ops::linear(roof_x_, roof_w_); });
  }

  void copy_roof() {
    constexpr std::size_t kBytes = 256 << 20;
    const Tensor from = noise(device_, {static_cast<std::int64_t>(kBytes / sizeof(float))});
    Tensor to = Tensor::zeros(device_, DType::kF32, from.shape());
    constexpr std::size_t kChunk = 1 << 20;
    const auto chunks = static_cast<std::int64_t>(kBytes / kChunk);
    measure(
        "copy",
        [&] {
          device_.threads().parallel_for(chunks, [&](std::int64_t i, int) {
            const auto at = static_cast<std::size_t>(i) * kChunk;
            std::memcpy(to.raw() + at, from.raw() + at, kChunk);
          });
        },
        2.0 * kBytes);
  }

  void attention() {
    const Tensor q = noise(device_, {2, 4096, 320}), k = noise(device_, {2, 4096, 320}),
                 v = noise(device_, {2, 4096, 320});
    measure("attention, 4096 tokens, 8 heads of 40, batch 2", [&] { ops::attention(q, k, v, {.heads = 8}); });
  }

  void text() {
    const auto encoder = model_.family->load_text_encoder(model_.files, device_);
    measure("text encoding, 77 tokens", [&] { (*encoder)({}, "a lighthouse at dusk, oil painting", {}, 1); });
  }

  void denoiser() {
    const models::LatentFormat format = model_.family->latent_format();
    models::DenoiserInput input;
    input.x = noise(device_, {2, format.channels, 64, 64});
    input.timesteps = {500};
    input.context = noise(device_, context_shape(2));
    std::string name = "denoiser step, 512×512, batch 2";
    weights::LoadOptions options;
    if (options_.memory > 0) {
      const models::Footprint footprint = model_.family->footprint(model_.files, device_.precision());
      const MemoryPlan plan =
          plan_memory(square_request(), footprint, format, {}, {options_.memory, options_.memory, true});
      options = plan.load_options(footprint);
      name += fmt::format(", {} of weights streamed", memory_text(plan.streamed));
    }
    const auto network = model_.family->load_denoiser(model_.files, model_.variant, device_, options);
    if (model_.variant.in_channels > format.channels) {
      input.concat = noise(device_, {2, model_.variant.in_channels - format.channels, 64, 64});
    }
    measure(name, [&] { (*network)(input); });
  }

  // Of an encoded text, in a batch; nothing of the text encoder stays.
  Shape context_shape(std::int64_t rows) {
    const auto encoder = model_.family->load_text_encoder(model_.files, device_);
    const models::Conditioning prompt = (*encoder)({}, "a lighthouse", {}, 1);
    return {rows, prompt.context.dim(1), prompt.context.dim(2)};
  }

  static Request square_request() {
    Request request;
    request.width = request.height = 512;
    request.batch = 1;
    return request;
  }

  void vae() {
    const models::LatentFormat format = model_.family->latent_format();
    const auto vae = model_.family->load_vae(model_.files, device_);
    const Tensor latent = noise(device_, {1, format.channels, 64, 64});
    measure("VAE decode, 512×512", [&] { vae->decode(latent); });
  }

  Device& device_;
  const BenchOptions& options_;
  const std::function<void(const BenchResult&)>& report_;
  OpenModel model_;
  static constexpr std::int64_t kRoofSize = 2048;
  static constexpr double kRoofFlops = 2.0 * kRoofSize * kRoofSize * kRoofSize;
  Tensor roof_x_;
  ops::PackedWeight roof_w_;
  std::vector<BenchResult> results_;
};

}  // namespace

std::vector<BenchResult> run_bench(Device& device, const BenchOptions& options,
                                   const std::function<void(const BenchResult&)>& report) {
  return Bench(device, options, report).run();
}

}  // namespace dq::pipeline
