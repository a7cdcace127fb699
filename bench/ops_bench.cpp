// Speed of the matrix ops on the shapes of a latent-diffusion network at 512×512, batch 2, beside two roofs
// of the same minute: FMA instructions without memory, and oneDNN's sgemm.
//
//   ops_bench [--benchmark_filter=…] [--benchmark_repetitions=5]
//
// One thread, unless a row says so. Rates are per CPU second of that thread, so that other programs on the
// machine disturb them little. Convolutions count 2·M·N·K operations however they are computed: Winograd can
// exceed the roof.
#include <benchmark/benchmark.h>

#include <cstring>

#include "ops/attention.h"
#include "ops/backend.h"
#include "ops/conv2d.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "roofs.h"

namespace dq::bench {
namespace {

Tensor filled(Device& device, DType dtype, Shape shape) {
  Tensor out = Tensor::empty(device, dtype, std::move(shape));
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < out.count(); ++i) {
    state = state * 1664525u + 1013904223u;
    const float v = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
    if (dtype == DType::kF32) {
      out.data<float>()[i] = v;
    } else {
      out.data<Half>()[i] = to_half(v);
    }
  }
  return out;
}

void report(benchmark::State& state, double operations) {
  state.counters["GFLOP/s"] = benchmark::Counter(operations * static_cast<double>(state.iterations()) * 1e-9,
                                                 benchmark::Counter::kIsRate);
}

void fma_roof(benchmark::State& state) {
  double operations = 0;
  for (auto _ : state) operations = run_fmas(1 << 20);
  report(state, operations);
}
BENCHMARK(fma_roof);

void onednn_sgemm(benchmark::State& state) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const Tensor x = filled(*device, DType::kF32, {m, k}), w = filled(*device, DType::kF32, {n, k});
  Tensor y = Tensor::empty(*device, DType::kF32, {m, n});
  for (auto _ : state) onednn_matmul(m, n, k, x.data<float>(), w.data<float>(), y.data<float>());
  report(state, 2.0 * static_cast<double>(m * n * k));
}

void linear(benchmark::State& state, DType dtype, int threads) {
  const auto device = ops::make_cpu_device({.threads = threads});
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const Tensor x = filled(*device, DType::kF32, {m, k}), w = filled(*device, dtype, {n, k});
  const Tensor bias = filled(*device, DType::kF32, {n});
  const auto weight = ops::pack_linear(*device, w, Precision::kF32);
  for (auto _ : state) benchmark::DoNotOptimize(ops::linear(x, weight, {.bias = &bias}).raw());
  report(state, 2.0 * static_cast<double>(m * n * k));
}

// With a LoRA of rank 16 beside it.
void linear_low_rank(benchmark::State& state) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2), rank = 16;
  const Tensor x = filled(*device, DType::kF32, {m, k}), w = filled(*device, DType::kF16, {n, k});
  const ops::LowRank low{filled(*device, DType::kF32, {rank, k}), filled(*device, DType::kF32, {n, rank})};
  const auto weight = ops::pack_linear(*device, w, device->precision());
  for (auto _ : state) benchmark::DoNotOptimize(ops::linear(x, weight, {.low_rank = low}).raw());
  report(state, 2.0 * static_cast<double>(m * (n * k + rank * (n + k))));
}

void linear_geglu(benchmark::State& state) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const Tensor x = filled(*device, DType::kF32, {m, k}), w = filled(*device, DType::kF16, {2 * n, k});
  const Tensor bias = filled(*device, DType::kF32, {2 * n});
  const auto weight = ops::pack_linear(*device, w, Precision::kF32);
  for (auto _ : state) benchmark::DoNotOptimize(ops::linear_geglu(x, weight, &bias).raw());
  report(state, 4.0 * static_cast<double>(m * n * k));
}

// size² pixels, `in` to `out` channels, kernel³ˣ³ or 1×1.
void conv2d(benchmark::State& state, int stride, bool upsample, int threads) {
  const auto device = ops::make_cpu_device({.threads = threads});
  const std::int64_t batch = state.range(0), size = state.range(1), in = state.range(2), out = state.range(3);
  const Tensor x = filled(*device, DType::kF32, {batch, size, size, in});
  const auto weight =
      ops::pack_conv2d(*device, filled(*device, DType::kF16, {out, in, 3, 3}), Precision::kF32);
  const ops::Conv2dOptions options{.stride = stride,
                                   .pad_top = 1,
                                   .pad_left = 1,
                                   .pad_bottom = 1,
                                   .pad_right = 1,
                                   .upsample_input = upsample};
  std::int64_t outputs = 0;
  for (auto _ : state) outputs = ops::conv2d(x, weight, options).count();
  report(state, 2.0 * static_cast<double>(outputs * in * 9));
}

void pack_conv2d(benchmark::State& state) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor w = filled(*device, DType::kF16, {1280, 1280, 3, 3});
  for (auto _ : state) benchmark::DoNotOptimize(ops::pack_conv2d(*device, w, Precision::kF32).data.raw());
  state.SetBytesProcessed(state.iterations() * w.bytes());
}
BENCHMARK(pack_conv2d)->Unit(benchmark::kMillisecond);

// Rows of tokens at 64², 32², 16² and 8², of text, and of a time embedding.
void matrix_sizes(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMillisecond)->ArgNames({"m", "n", "k"});
  for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{8192, 320, 320},
                                {8192, 320, 1280},
                                {2048, 640, 640},
                                {2048, 640, 2560},
                                {512, 1280, 1280},
                                {512, 1280, 5120},
                                {128, 1280, 1280},
                                {154, 320, 768},
                                {77, 3072, 768},
                                {2, 1280, 1280}}) {
    b->Args({m, n, k});
  }
}
BENCHMARK(onednn_sgemm)->Apply(matrix_sizes);
BENCHMARK_CAPTURE(linear, f32, DType::kF32, 1)->Apply(matrix_sizes);
BENCHMARK_CAPTURE(linear, f16, DType::kF16, 1)->Apply(matrix_sizes);
BENCHMARK_CAPTURE(linear, f16_all_threads, DType::kF16, 0)->Apply(matrix_sizes)->UseRealTime();
BENCHMARK(linear_low_rank)->Apply(matrix_sizes);
BENCHMARK(linear_geglu)->Unit(benchmark::kMillisecond)->Args({8192, 1280, 320})->Args({512, 5120, 1280});

void image_sizes(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMillisecond)->ArgNames({"batch", "size", "in", "out"});
  b->Args({2, 64, 320, 320})->Args({2, 32, 640, 640})->Args({2, 16, 1280, 1280})->Args({2, 8, 1280, 1280});
  b->Args({1, 8, 1280, 1280})
      ->Args({2, 64, 4, 320})
      ->Args({2, 64, 320, 4})
      ->Args({1, 128, 256, 256})
      ->Args({1, 256, 128, 3});
}
BENCHMARK_CAPTURE(conv2d, 3x3, 1, false, 1)->Apply(image_sizes);
BENCHMARK_CAPTURE(conv2d, 3x3_all_threads, 1, false, 0)->Apply(image_sizes)->UseRealTime();
BENCHMARK_CAPTURE(conv2d, stride_2, 2, false, 1)->Unit(benchmark::kMillisecond)->Args({2, 64, 320, 320});
BENCHMARK_CAPTURE(conv2d, upsampled, 1, true, 1)->Unit(benchmark::kMillisecond)->Args({2, 16, 1280, 1280});

// Four operations a pair of tokens and number of a head: two products; the softmax is not counted.
void attention(benchmark::State& state, bool causal, int threads) {
  const auto device = ops::make_cpu_device({.threads = threads});
  const std::int64_t batch = state.range(0), queries = state.range(1), keys = state.range(2);
  const std::int64_t heads = state.range(3), head_dim = state.range(4);
  const Tensor q = filled(*device, DType::kF32, {batch, queries, heads * head_dim});
  const Tensor k = filled(*device, DType::kF32, {batch, keys, heads * head_dim});
  const ops::AttentionOptions options{.heads = static_cast<int>(heads), .causal = causal};
  for (auto _ : state) benchmark::DoNotOptimize(ops::attention(q, k, k, options).raw());
  report(state, (causal ? 2.0 : 4.0) * static_cast<double>(batch * queries * keys * heads * head_dim));
}

void attention_sizes(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMillisecond)->ArgNames({"batch", "queries", "keys", "heads", "head_dim"});
  b->Args({2, 4096, 4096, 8, 40})->Args({2, 1024, 1024, 8, 80})->Args({2, 256, 256, 8, 160});
  b->Args({2, 4096, 77, 8, 40})->Args({1, 4096, 4096, 1, 512})->Args({1, 1024, 1024, 10, 64});
  b->Args({2, 64, 64, 8, 160});
}
BENCHMARK_CAPTURE(attention, all, false, 1)->Apply(attention_sizes);
BENCHMARK_CAPTURE(attention, all_threads, false, 0)->Apply(attention_sizes)->UseRealTime();
BENCHMARK_CAPTURE(attention, causal, true, 1)->Unit(benchmark::kMillisecond)->Args({2, 77, 77, 12, 64});

// Bytes read once and written once, beside those of a plain copy of the same size.
void moved(benchmark::State& state, const Tensor& x) {
  state.SetBytesProcessed(state.iterations() * 2 * x.bytes());
}

void copy_roof(benchmark::State& state) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor x =
      filled(*device, DType::kF32, {state.range(0), state.range(1), state.range(1), state.range(2)});
  Tensor y = Tensor::empty(*device, DType::kF32, x.shape());
  for (auto _ : state) {
    std::memcpy(y.raw(), x.raw(), static_cast<std::size_t>(x.bytes()));
    benchmark::ClobberMemory();
  }
  moved(state, x);
}

void group_norm(benchmark::State& state, ops::Activation act) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor x =
      filled(*device, DType::kF32, {state.range(0), state.range(1), state.range(1), state.range(2)});
  for (auto _ : state) benchmark::DoNotOptimize(ops::group_norm(x, 32, {}, 1e-5f, act).raw());
  moved(state, x);
}

void layer_norm(benchmark::State& state) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor x =
      filled(*device, DType::kF32, {state.range(0), state.range(1), state.range(1), state.range(2)});
  for (auto _ : state) benchmark::DoNotOptimize(ops::layer_norm(x, {}, 1e-5f).raw());
  moved(state, x);
}

void transpose(benchmark::State& state) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor x =
      filled(*device, DType::kF32, {state.range(0), state.range(1), state.range(1), state.range(2)});
  for (auto _ : state) benchmark::DoNotOptimize(ops::contiguous(x.permute({0, 3, 1, 2})).raw());
  moved(state, x);
}

void add(benchmark::State& state) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor x =
      filled(*device, DType::kF32, {state.range(0), state.range(1), state.range(1), state.range(2)});
  for (auto _ : state) benchmark::DoNotOptimize(ops::add(x, x).raw());
  moved(state, x);
}

void map_sizes(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMillisecond)->ArgNames({"batch", "size", "channels"});
  b->Args({1, 512, 128})->Args({2, 64, 320})->Args({2, 16, 1280});
}
BENCHMARK(copy_roof)->Apply(map_sizes);
BENCHMARK_CAPTURE(group_norm, plain, ops::Activation::kNone)->Apply(map_sizes);
BENCHMARK_CAPTURE(group_norm, silu, ops::Activation::kSilu)->Apply(map_sizes);
BENCHMARK(layer_norm)->Apply(map_sizes);
BENCHMARK(transpose)->Apply(map_sizes);
BENCHMARK(add)->Apply(map_sizes);

// Forward and back of what reads and writes maps, with `streams` the tensors of x's size that pass through
// memory at least once: bytes are those, so that a rate near copy_roof's leaves nothing to gain.
template <class Op>
void map_op(benchmark::State& state, double streams, const Op& op) {
  const auto device = ops::make_cpu_device({.threads = 1});
  const Tensor x =
      filled(*device, DType::kF32, {state.range(0), state.range(1), state.range(1), state.range(2)});
  const Tensor dy = filled(*device, DType::kF32, x.shape());
  Tensor dx = Tensor::zeros(*device, DType::kF32, x.shape());
  for (auto _ : state) {
    op(device->backend(), x, dy, dx);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(streams * static_cast<double>(x.bytes())) *
                          state.iterations());
}

void group_norm_gradient(benchmark::State& state, ops::Activation act) {
  map_op(state, 5, [act](const ops::Backend& backend, const Tensor& x, const Tensor& dy, Tensor& dx) {
    Tensor dw = Tensor::empty(x.device(), DType::kF32, {x.dim(3)});
    Tensor db = Tensor::empty(x.device(), DType::kF32, {x.dim(3)});
    backend.group_norm_gradient(x, 32, {}, 1e-5f, act, dy, {&dx, &dw, &db});
  });
}

void layer_norm_gradient(benchmark::State& state) {
  map_op(state, 3, [](const ops::Backend& backend, const Tensor& x, const Tensor& dy, Tensor& dx) {
    Tensor dw = Tensor::zeros(x.device(), DType::kF32, {x.dim(3)});
    Tensor db = Tensor::zeros(x.device(), DType::kF32, {x.dim(3)});
    backend.layer_norm_gradient(x, {}, 1e-5f, dy, {&dx, &dw, &db});
  });
}

void rms_norm(benchmark::State& state) {
  map_op(state, 2, [](const ops::Backend& backend, const Tensor& x, const Tensor&, Tensor& y) {
    backend.rms_norm(x, {}, 1e-6f, y);
  });
}

void rms_norm_gradient(benchmark::State& state) {
  map_op(state, 3, [](const ops::Backend& backend, const Tensor& x, const Tensor& dy, Tensor& dx) {
    Tensor dw = Tensor::empty(x.device(), DType::kF32, {x.dim(3)});
    backend.rms_norm_gradient(x, {}, 1e-6f, dy, {&dx, &dw, nullptr});
  });
}

// Heads of 64; dy lends its numbers as angles.
void rope(benchmark::State& state, ops::RopeForm form) {
  map_op(state, 2, [form](const ops::Backend& backend, const Tensor& x, const Tensor& dy, Tensor& y) {
    const std::int64_t tokens = x.dim(1) * x.dim(2), width = x.dim(3);
    const Shape shape = {x.dim(0), tokens, width};
    const Tensor angles = dy.reshape({dy.count()}).slice(0, 0, tokens * 32).reshape({tokens, 32});
    Tensor out = y.reshape(shape);
    backend.rope(x.reshape(shape), {angles, angles}, static_cast<int>(width / 64), form, false, out);
  });
}

void activate_gradient(benchmark::State& state, ops::Activation act) {
  map_op(state, 3, [act](const ops::Backend& backend, const Tensor& x, const Tensor& dy, Tensor& dx) {
    backend.activate_gradient(x, act, dy, dx);
  });
}

// The halves of x's channels are values and gates.
void geglu_gradient(benchmark::State& state) {
  map_op(state, 2.5, [](const ops::Backend& backend, const Tensor& x, const Tensor& dy, Tensor& dx) {
    const std::int64_t rows = x.count() / x.dim(3);
    const Tensor half = dy.reshape({2, rows, x.dim(3) / 2}).slice(0, 0, 1);
    Tensor flat = dx.reshape({1, rows, x.dim(3)});
    backend.geglu_gradient(x.reshape({1, rows, x.dim(3)}), half, flat);
  });
}

void accumulate(benchmark::State& state) {
  map_op(state, 3, [](const ops::Backend& backend, const Tensor&, const Tensor& dy, Tensor& dx) {
    backend.accumulate(dy, dx);
  });
}

void sum_rows(benchmark::State& state) {
  map_op(state, 1, [](const ops::Backend& backend, const Tensor& x, const Tensor&, Tensor&) {
    Tensor y = Tensor::zeros(x.device(), DType::kF32, {1, x.dim(3)});
    backend.sum_rows(x.reshape({1, x.count() / x.dim(3), x.dim(3)}), y);
  });
}

void upsample_nearest_gradient(benchmark::State& state) {
  map_op(state, 1.25, [](const ops::Backend& backend, const Tensor&, const Tensor& dy, Tensor&) {
    Tensor dx = Tensor::zeros(dy.device(), DType::kF32, {dy.dim(0), dy.dim(1) / 2, dy.dim(2) / 2, dy.dim(3)});
    backend.upsample_nearest_gradient(dy, dx);
  });
}

BENCHMARK_CAPTURE(group_norm_gradient, plain, ops::Activation::kNone)->Apply(map_sizes);
BENCHMARK_CAPTURE(group_norm_gradient, silu, ops::Activation::kSilu)->Apply(map_sizes);
BENCHMARK(layer_norm_gradient)->Apply(map_sizes);
BENCHMARK(rms_norm)->Apply(map_sizes);
BENCHMARK(rms_norm_gradient)->Apply(map_sizes);
BENCHMARK_CAPTURE(rope, pairs, ops::RopeForm::kPairs)->Apply(map_sizes);
BENCHMARK_CAPTURE(rope, halves, ops::RopeForm::kHalves)->Apply(map_sizes);
BENCHMARK_CAPTURE(activate_gradient, silu, ops::Activation::kSilu)->Apply(map_sizes);
BENCHMARK(geglu_gradient)->Apply(map_sizes);
BENCHMARK(accumulate)->Apply(map_sizes);
BENCHMARK(sum_rows)->Apply(map_sizes);
BENCHMARK(upsample_nearest_gradient)->Apply(map_sizes);

}  // namespace
}  // namespace dq::bench

BENCHMARK_MAIN();
