// The way back of attention without an N×N store (Dao 2023, "FlashAttention-2"): a thread takes a head, and
// for each block of queries computes its rows of weights anew. With P = softmax(scale·Q·Kᵀ + bias) and D =
// rowsum(dy∘y):
//
//   dP = dy·Vᵀ   dS = P∘(dP − D)   dQ = scale·dS·K   dK += scale·dSᵀ·Q   dV += Pᵀ·dy
//
// All five products run on the kernels of gemm.h, in f32 whatever the device's precision.
#include <algorithm>
#include <vector>

#include "ops/cpu/backward_kernels.h"
#include "ops/cpu/backward_loops.h"
#include "ops/cpu/gemm_plan.h"

namespace dq::ops::cpu {
namespace {

constexpr std::int64_t kQueries = 64;

std::int64_t round_up(std::int64_t n, std::int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

struct Rows {
  const float* data = nullptr;
  std::int64_t stride = 0;
  static const float* row(const void* self, std::int64_t m, std::int64_t k, std::int64_t, float*) {
    const Rows& r = *static_cast<const Rows*>(self);
    return r.data + m * r.stride + k;
  }
  // Row m is column m of the data.
  static const float* column(const void* self, std::int64_t m, std::int64_t k, std::int64_t count,
                             float* to) {
    const Rows& r = *static_cast<const Rows*>(self);
    for (std::int64_t i = 0; i < count; ++i) to[i] = r.data[(k + i) * r.stride + m];
    return to;
  }
};

// Sizes of one call, and where a thread's scratch has what.
struct Plan {
  std::int64_t queries, keys, head_dim, value_dim, nr, mc;
  std::int64_t key_panels, value_panels, keys_by_column, query_block, dy_block, weights, d_weights, dq, dk,
      dv, gemm, floats = 0;

  Plan(const GemmShape& shape, std::int64_t tq, std::int64_t tk, std::int64_t d, std::int64_t dv_width)
      : queries(tq), keys(tk), head_dim(d), value_dim(dv_width), nr(shape.nr), mc(shape.mc) {
    const std::int64_t key_columns = round_up(keys, nr), d_columns = round_up(d, nr),
                       v_columns = round_up(value_dim, nr);
    key_panels = take(key_columns * head_dim);
    value_panels = take(key_columns * value_dim);
    keys_by_column = take(keys * d_columns);
    query_block = take(kQueries * d_columns);
    dy_block = take(kQueries * v_columns);
    weights = take(kQueries * round_up(keys, 16));
    d_weights = take(kQueries * round_up(keys, 16));
    dq = take(kQueries * head_dim);
    dk = take(keys * head_dim);
    dv = take(keys * value_dim);
    gemm = take(gemm_scratch_floats(shape, shape.mc, std::max({key_columns, d_columns, v_columns}) / nr));
  }

 private:
  std::int64_t take(std::int64_t count) {
    const std::int64_t at = floats;
    floats += round_up(count, 16);
    return at;
  }
};

// One head of one batch: where its rows begin, and how far apart they lie.
struct Head {
  Rows q, k, v, y, dy;
  const float* bias = nullptr;
  std::int64_t bias_stride = 0;
  Tensor *dq = nullptr, *dk = nullptr, *dv = nullptr;
  std::int64_t batch = 0, first = 0, first_value = 0;  // columns of this head
};

class HeadGradient {
 public:
  HeadGradient(const GemmKernels& kernels, const Plan& plan, const Head& head,
               const AttentionOptions& options, float* scratch)
      : kernels_(kernels), p_(plan), h_(head), o_(options), s_(scratch) {}

  void run() {
    pack_rows_as_columns(h_.k.data, h_.k.stride, p_.keys, p_.head_dim, p_.nr, s_ + p_.key_panels);
    pack_rows_as_columns(h_.v.data, h_.v.stride, p_.keys, p_.value_dim, p_.nr, s_ + p_.value_panels);
    pack_columns(h_.k.data, h_.k.stride, p_.keys, p_.head_dim, p_.nr, s_ + p_.keys_by_column);
    std::fill_n(s_ + p_.dk, p_.keys * p_.head_dim, 0.0F);
    std::fill_n(s_ + p_.dv, p_.keys * p_.value_dim, 0.0F);
    for (std::int64_t first = 0; first < p_.queries; first += kQueries) {
      block(first, std::min(kQueries, p_.queries - first));
    }
    put(p_.dk, p_.keys, p_.head_dim, o_.scale, *h_.dk, 0, h_.first);
    put(p_.dv, p_.keys, p_.value_dim, 1, *h_.dv, 0, h_.first_value);
  }

 private:
  void block(std::int64_t first, std::int64_t rows) {
    const std::int64_t stride = round_up(p_.keys, 16);
    const Rows q{h_.q.data + first * h_.q.stride, h_.q.stride},
        dy{h_.dy.data + first * h_.dy.stride, h_.dy.stride};
    float *weights = s_ + p_.weights, *d_weights = s_ + p_.d_weights;
    multiply({Rows::row, &q}, rows, p_.key_panels, p_.head_dim, p_.keys, weights);
    multiply({Rows::row, &dy}, rows, p_.value_panels, p_.value_dim, p_.keys, d_weights);
    spread(weights, rows, stride);
    spread(d_weights, rows, stride);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t seen = o_.causal ? std::min(first + r + 1, p_.keys) : p_.keys;
      softmax_row(weights + r * stride, p_.keys, seen, o_.scale,
                  h_.bias ? h_.bias + (first + r) * h_.bias_stride : nullptr);
      const float mean = dot(dy.data + r * dy.stride, h_.y.data + (first + r) * h_.y.stride, p_.value_dim);
      softmax_gradient_row(weights + r * stride, d_weights + r * stride, p_.keys, mean);
    }
    const Rows p{weights, stride}, ds{d_weights, stride};
    multiply({Rows::row, &ds}, rows, p_.keys_by_column, p_.keys, p_.head_dim, s_ + p_.dq);
    put(p_.dq, rows, p_.head_dim, o_.scale, *h_.dq, first, h_.first);
    pack_columns(q.data, q.stride, rows, p_.head_dim, p_.nr, s_ + p_.query_block);
    pack_columns(dy.data, dy.stride, rows, p_.value_dim, p_.nr, s_ + p_.dy_block);
    multiply({Rows::column, &ds}, p_.keys, p_.query_block, rows, p_.head_dim, s_ + p_.dk, true);
    multiply({Rows::column, &p}, p_.keys, p_.dy_block, rows, p_.value_dim, s_ + p_.dv, true);
  }

  // to [m, n] = [to +] A·panels, sums over k.
  void multiply(const RowSource& a, std::int64_t m, std::int64_t panels, std::int64_t k, std::int64_t n,
                float* to, bool add = false) {
    GemmTask task;
    task.a = a;
    task.w.data = s_ + panels;
    task.w.k = k;
    task.w.n = task.out.n = n;
    task.out.y = to;
    if (add) task.out.residual = to;
    task.p1 = round_up(n, p_.nr) / p_.nr;
    task.scratch = s_ + p_.gemm;
    for (; task.m0 < m; task.m0 = task.m1) {
      task.m1 = std::min(m, task.m0 + p_.mc);
      kernels_.run(task);
    }
  }

  // Dense rows of `keys` numbers → rows `stride` apart, in place: the last first.
  void spread(float* rows, std::int64_t count, std::int64_t stride) const {
    if (stride == p_.keys) return;
    for (std::int64_t r = count; r-- > 1;) {
      std::copy_backward(rows + r * p_.keys, rows + (r + 1) * p_.keys, rows + r * stride + p_.keys);
    }
  }

  void put(std::int64_t from, std::int64_t rows, std::int64_t width, float factor, Tensor& to,
           std::int64_t first, std::int64_t column) const {
    for (std::int64_t r = 0; r < rows; ++r) {
      float* row = to.data<float>() + (h_.batch * to.dim(1) + first + r) * to.dim(2) + column;
      for (std::int64_t c = 0; c < width; ++c) row[c] = factor * s_[from + r * width + c];
    }
  }

  const GemmKernels& kernels_;
  const Plan& p_;
  const Head& h_;
  const AttentionOptions& o_;
  float* s_;
};

Rows rows_of(const Tensor& x, std::int64_t batch, std::int64_t column) {
  return {x.data<float>() + batch * x.strides()[0] + column, x.strides()[1]};
}

}  // namespace

void attention_gradient(const AttentionSaved& saved, const Tensor& dy, const AttentionOptions& options,
                        Tensor& dq, Tensor& dk, Tensor& dv) {
  CpuDevice& device = cpu_device(dq);
  const std::int64_t heads = options.heads, batch = saved.q.dim(0), head_dim = saved.q.dim(2) / heads,
                     value_dim = saved.v.dim(2) / heads;
  const GemmKernels& kernels = device.gemm();
  const Plan plan(kernels.f32, saved.q.dim(1), saved.k.dim(1), head_dim, value_dim);
  Tensor scratch = Tensor::empty(device, DType::kF32, {device.threads().size(), plan.floats});
  device.threads().parallel_for(batch * heads, [&](std::int64_t task, int thread) {
    const std::int64_t n = task / heads, head = task % heads;
    Head h;
    h.q = rows_of(saved.q, n, head * head_dim), h.k = rows_of(saved.k, n, head * head_dim);
    h.v = rows_of(saved.v, n, head * value_dim), h.y = rows_of(saved.y, n, head * value_dim);
    h.dy = rows_of(dy, n, head * value_dim);
    h.dq = &dq, h.dk = &dk, h.dv = &dv;
    h.batch = n, h.first = head * head_dim, h.first_value = head * value_dim;
    if (options.bias) {
      const Tensor& bias = *options.bias;
      const Shape& s = bias.strides();
      h.bias = bias.data<float>() + (bias.dim(0) > 1 ? n * s[0] : 0) + (bias.dim(1) > 1 ? head * s[1] : 0);
      h.bias_stride = s[2];
    }
    HeadGradient(kernels, plan, h, options, scratch.data<float>() + thread * plan.floats).run();
  });
}

}  // namespace dq::ops::cpu
