#include "ops/linear.h"

#include <fmt/format.h>

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/first_run.h"
#include "ops/gradient.h"

namespace dq::ops {
namespace {

// x as linear layers take it: [..., K], f32, the last dimension contiguous.
void check_input(const char* op, const Tensor& x, const PackedWeight& weight) {
  check_real(op, "x", x);
  if (!weight.defined()) bad_argument(op, "the weight is not there");
  if (weight.kernel_h != 1 || weight.kernel_w != 1) {
    bad_argument(op, fmt::format("the weight has a {}×{} kernel, not 1×1", weight.kernel_h, weight.kernel_w));
  }
  if (x.rank() == 0 || x.dim(-1) != weight.in_channels) {
    bad_argument(op, fmt::format("x has shape {}, the weight takes {} channels", to_string(x.shape()),
                                 weight.in_channels));
  }
  if (x.dim(-1) != 1 && x.strides().back() != 1) bad_argument(op, "the channels of x are not contiguous");
}

Shape output_shape(const Tensor& x, std::int64_t channels) {
  Shape shape = x.shape();
  shape.back() = channels;
  return shape;
}

Tensor as_matrix(const Tensor& x) {
  return contiguous(x).reshape({-1, x.dim(-1)});
}

Tensor turned(const Tensor& matrix) {
  return contiguous(matrix.permute({1, 0}));
}

PackedWeight packed(const Tensor& matrix, Precision compute) {
  const auto pack = require(matrix.device().backend().pack_linear, "linear", matrix.device());
  return pack(matrix.device(), matrix, compute);
}

// Σ_m a[m, i]·b[m, j]
Tensor summed_products(const Tensor& a, const Tensor& b, Precision compute) {
  return linear(turned(a), packed(b.permute({1, 0}), compute));
}

// dW[n, k] = Σ_m dy[m, n]·x[m, k], in the shape of the weight it belongs to. One of the two is turned for it;
// of a narrow layer that is what comes out of it or goes in, whichever has fewer channels, and then maybe the
// result.
Tensor weight_gradient(const Tensor& dy, const Tensor& x, Precision compute, const Shape& shape) {
  const Tensor out = as_matrix(dy), in = as_matrix(x);
  const std::int64_t result = out.dim(1) * in.dim(1);
  const bool turns_input = in.count() + result < out.count();
  const Tensor dw =
      turns_input ? turned(summed_products(in, out, compute)) : summed_products(out, in, compute);
  return dw.reshape(shape);
}

void check_low_rank(const char* op, const LowRank& low, const PackedWeight& weight) {
  if (!low.defined()) return;
  const Tensor &down = low.down, &up = low.up;
  check_real(op, "down", down);
  check_real(op, "up", up);
  if (down.rank() != 2 || up.rank() != 2 || down.dim(1) != weight.in_channels ||
      up.dim(0) != weight.out_channels || up.dim(1) != down.dim(0) || down.count() == 0) {
    bad_argument(op, fmt::format("matrices of low rank {} and {} are not for a weight [{}, {}]",
                                 to_string(down.shape()), to_string(up.shape()), weight.out_channels,
                                 weight.in_channels));
  }
}

bool is_wide(const LowRank& low) {
  return low.defined() && low.down.dim(0) > kMostBeside;
}

// The second of a narrow pair's products, inner·upᵀ; undefined: there is no pair.
struct Beside {
  Tensor inner;
  PackedWeight up;
};

// y = a backend's product of x and the weight, with what stands beside it. Returns the products a number of y
// took.
template <class Run>
double run_beside(const Tensor& x, const PackedWeight& weight, const Beside& beside, const Run& run) {
  if (!beside.inner.defined()) {
    run(LinearProduct{x, weight}, nullptr);
    return static_cast<double>(x.dim(-1));
  }
  const LinearProduct second{beside.inner, beside.up};
  run(LinearProduct{x, weight}, &second);
  return static_cast<double>(x.dim(-1) + beside.inner.dim(-1));
}

// act(x·Wᵀ + what stands beside it + bias) + residual; nothing is recorded.
Tensor product(const Tensor& x, const PackedWeight& weight, const Beside& beside,
               const LinearOptions& options) {
  Tensor y = Tensor::empty(x.device(), x.dtype(), output_shape(x, weight.out_channels));
  const auto linear = require(x.device().backend().linear, "linear", x.device());
  const double channels = run_beside(
      x, weight, beside,
      [&](const LinearProduct& first, const LinearProduct* second) { linear(first, second, options, y); });
  x.device().count_flops(2.0 * static_cast<double>(y.count()) * channels);
  return y;
}

Beside beside(const Tensor& x, const LowRank& low, Precision compute) {
  if (!low.defined()) return {};
  return {product(x, packed(low.down, compute), {}, {}), packed(low.up, compute)};
}

// What all outputs of a weight for x are, and what they cost with what stands beside it.
struct Work {
  std::int64_t numbers;
  double flops;
  Work(const Tensor& x, const PackedWeight& weight, const LowRank& low)
      : numbers(element_count(output_shape(x, weight.out_channels))),
        flops(2.0 * static_cast<double>(numbers) *
              static_cast<double>(x.dim(-1) + (low.defined() ? low.down.dim(0) : 0))) {}
};

// dx = dy·W + (dy·up)·down; dW = dyᵀ·x; the bias gets the sum over rows, the residual dy itself; d(up) =
// dyᵀ·inner, d(down) = (dy·up)ᵀ·x.
void record_linear(Tensor& y, const Tensor& x, const PackedWeight& weight, const LinearOptions& options,
                   const Tensor& inner) {
  const LowRank& low = options.low_rank;
  const std::vector<const Tensor*> inputs = {&x,        &weight.source, options.bias, options.residual,
                                             &low.down, &low.up};
  record(y, inputs,
         [x = x.detached(), weight, inner, down = low.down.detached(), up = low.up.detached()](
             const Tensor& dy, const Asked& to) {
           Beside back;
           if (down.defined() && (to.asks(0) || to.asks(4)))
             back.inner = product(dy, packed(up.permute({1, 0}), weight.compute), {}, {});
           to.give_onto(0, [&](const Tensor* residual) {
             if (down.defined()) back.up = packed(down.permute({1, 0}), weight.compute);
             return product(dy, weight.turned ? *weight.turned : pack_turned(weight), back,
                            {.residual = residual});
           });
           if (to.asks(1)) to.give(1, weight_gradient(dy, x, weight.compute, weight.source.shape()));
           if (to.asks(2)) to.give(2, sum_rows(as_matrix(dy)));
           if (to.asks(3)) to.give(3, dy);
           if (to.asks(4)) to.give(4, weight_gradient(back.inner, x, weight.compute, down.shape()));
           if (to.asks(5)) to.give(5, weight_gradient(dy, inner, weight.compute, up.shape()));
         });
}

// A pair that is too wide for one pass: as a sum of two layers.
Tensor two_passes(const Tensor& x, const PackedWeight& weight, const LinearOptions& options) {
  const auto narrow = [&](const Tensor& matrix) {
    PackedWeight out = packed(matrix, weight.compute);
    out.source = matrix;
    return out;
  };
  const Tensor inner = linear(x, narrow(options.low_rank.down));
  const Tensor base = linear(x, weight, {.bias = options.bias});
  const Tensor sum = linear(inner, narrow(options.low_rank.up), {.residual = &base});
  const Tensor y = activate(sum, options.act);
  return options.residual ? add(y, *options.residual) : y;
}

}  // namespace

Tensor linear(const Tensor& x, const PackedWeight& weight, const LinearOptions& options) {
  constexpr const char* op = "linear";
  check_input(op, x, weight);
  const Shape shape = output_shape(x, weight.out_channels);
  const LowRank& low = options.low_rank;
  check_low_rank(op, low, weight);
  if (is_wide(low)) return two_passes(x, weight, options);
  const bool recorded =
      wants_gradient({&x, &weight.source, options.bias, options.residual, &low.down, &low.up});
  const Work work(x, weight, low);
  if (options.act != Activation::kNone && (recorded || is_kept(x.device(), work.flops, work.numbers))) {
    const Tensor y = activate(linear(x, weight, {.bias = options.bias, .low_rank = low}), options.act);
    return options.residual ? add(y, *options.residual) : y;
  }
  if (options.bias) check_vector(op, "bias", *options.bias, weight.out_channels);
  if (options.residual) {
    check_dense(op, "residual", *options.residual);
    if (options.residual->shape() != shape) {
      bad_argument(op, fmt::format("residual has shape {}, the result {}",
                                   to_string(options.residual->shape()), to_string(shape)));
    }
  }
  std::vector<Tensor> made = made_once(x.device(), work.flops, work.numbers, low.defined() ? 2 : 1, [&] {
    const Beside pair = beside(x, low, weight.compute);
    std::vector<Tensor> out{product(x, weight, pair, options)};
    if (low.defined()) out.push_back(pair.inner);
    return out;
  });
  if (recorded) record_linear(made[0], x, weight, options, low.defined() ? made[1] : Tensor());
  return made[0];
}

Tensor linear_geglu(const Tensor& x, const PackedWeight& weight, const Tensor* bias,
                    const LowRank& low_rank) {
  constexpr const char* op = "linear_geglu";
  check_input(op, x, weight);
  if (weight.out_channels % 2 != 0) {
    bad_argument(
        op, fmt::format("the weight has {} rows; values and gates need an even number", weight.out_channels));
  }
  if (bias) check_vector(op, "bias", *bias, weight.out_channels);
  check_low_rank(op, low_rank, weight);
  const Work work(x, weight, low_rank);
  if (is_wide(low_rank) || wants_gradient({&x, &weight.source, bias, &low_rank.down, &low_rank.up}) ||
      is_kept(x.device(), work.flops, work.numbers)) {
    return geglu(linear(x, weight, {.bias = bias, .low_rank = low_rank}));
  }
  Tensor y = Tensor::empty(x.device(), x.dtype(), output_shape(x, weight.out_channels / 2));
  const auto run = require(x.device().backend().linear_geglu, op, x.device());
  const double channels = run_beside(
      x, weight, beside(x, low_rank, weight.compute),
      [&](const LinearProduct& first, const LinearProduct* second) { run(first, second, bias, y); });
  x.device().count_flops(4.0 * static_cast<double>(y.count()) * channels);
  return y;
}

}  // namespace dq::ops
