// The way back of attention without an N×N store (Dao 2023, "FlashAttention-2"): a thread takes a head, and
// for each block of queries computes its rows of weights anew, from the logits and the logarithm of their sum
// that the way forward kept. With P = softmax(scale·Q·Kᵀ + bias) and D = rowsum(dy∘y):
//
//   dP = dy·Vᵀ   dS = P∘(dP − D)   dQ = scale·dS·K   dK += scale·dSᵀ·Q   dV += Pᵀ·dy
//
// All five products run on the kernels of gemm.h, in f32 whatever the device's precision; with tile
// registers, those of bf16 on attention_gradient_tile_kernel.h.
#include <algorithm>

#include "ops/cpu/attention_gradient_kernels.h"
#include "ops/cpu/backward_kernels.h"
#include "ops/cpu/backward_loops.h"
#include "ops/cpu/copy_kernels.h"
#include "ops/cpu/gemm_plan.h"
#include "ops/cpu/pack_kernels.h"
#include "ops/cpu/rounding.h"

namespace dq::ops::cpu {
namespace {

// Queries of a block, and keys of a chunk: the weights of both, and of their gradients, stay in L2.
constexpr std::int64_t kQueries = 64, kKeys = 512;

struct Rows {
  const float* data = nullptr;
  std::int64_t stride = 0;
  static const float* row(const void* self, std::int64_t m, std::int64_t k, std::int64_t, float*) {
    const Rows& r = *static_cast<const Rows*>(self);
    return r.data + m * r.stride + k;
  }
};

// Sizes of one call, and where a thread's scratch has what.
struct Plan {
  std::int64_t queries, keys, head_dim, value_dim, nr, mc, d_columns, v_columns;
  // As panels: keys and values with a key a column; keys with a number a column, chunk by chunk; the block's
  // queries and dy.
  std::int64_t key_panels, value_panels, keys_by_column, query_block, dy_block;
  std::int64_t weights, d_weights, turned, d_turned, means, dq, dk, dv, gemm, floats = 0;

  Plan(const GemmShape& shape, std::int64_t tq, std::int64_t tk, std::int64_t d, std::int64_t dv_width)
      : queries(tq),
        keys(tk),
        head_dim(d),
        value_dim(dv_width),
        nr(shape.nr),
        mc(shape.mc),
        d_columns(round_up(d, nr)),
        v_columns(round_up(dv_width, nr)) {
    const std::int64_t key_columns = round_up(keys, nr), chunk = round_up(std::min(keys, kKeys), 8);
    key_panels = take(key_columns * head_dim);
    value_panels = take(key_columns * value_dim);
    keys_by_column = take(keys * d_columns);
    query_block = take(kQueries * d_columns);
    dy_block = take(kQueries * v_columns);
    weights = take(kQueries * chunk);
    d_weights = take(kQueries * chunk);
    turned = take(kQueries * chunk);
    d_turned = take(kQueries * chunk);
    means = take(kQueries);
    dq = take(kQueries * head_dim);
    dk = take(keys * head_dim);
    dv = take(keys * value_dim);
    gemm = take(
        gemm_scratch_floats(shape, shape.mc, std::max({round_up(chunk, nr), d_columns, v_columns}) / nr));
  }

 private:
  std::int64_t take(std::int64_t count) {
    const std::int64_t at = floats;
    floats += round_up(count, 16);
    return at;
  }
};

class HeadGradient {
 public:
  HeadGradient(const GemmKernels& kernels, const Plan& plan, const AttentionGradientHead& head,
               float* scratch)
      : kernels_(kernels), p_(plan), h_(head), s_(scratch) {}

  void run() {
    pack_rows_as_columns(h_.k.data, h_.k.stride, p_.keys, p_.head_dim, p_.nr, s_ + p_.key_panels);
    pack_rows_as_columns(h_.v.data, h_.v.stride, p_.keys, p_.value_dim, p_.nr, s_ + p_.value_panels);
    for (std::int64_t key = 0; key < p_.keys; key += kKeys) {
      pack_columns(h_.k.data + key * h_.k.stride, h_.k.stride, std::min(kKeys, p_.keys - key), p_.head_dim,
                   p_.nr, s_ + p_.keys_by_column + key * p_.d_columns);
    }
    std::fill_n(s_ + p_.dk, p_.keys * p_.head_dim, 0.0F);
    std::fill_n(s_ + p_.dv, p_.keys * p_.value_dim, 0.0F);
    for (std::int64_t first = 0; first < p_.queries; first += kQueries) {
      block({first, std::min(kQueries, p_.queries - first)});
    }
    put(p_.dk, p_.keys, p_.head_dim, h_.scale, h_.dk, 0);
    put(p_.dv, p_.keys, p_.value_dim, 1, h_.dv, 0);
  }

 private:
  struct Range {
    std::int64_t begin, count;
  };

  void block(Range queries) {
    const Rows q{h_.q.data + queries.begin * h_.q.stride, h_.q.stride};
    const Rows dy{h_.dy.data + queries.begin * h_.dy.stride, h_.dy.stride};
    pack_columns(q.data, q.stride, queries.count, p_.head_dim, p_.nr, s_ + p_.query_block);
    pack_columns(dy.data, dy.stride, queries.count, p_.value_dim, p_.nr, s_ + p_.dy_block);
    for (std::int64_t r = 0; r < queries.count; ++r) {
      s_[p_.means + r] = dot(dy.data + r * dy.stride, h_.y.row(queries.begin + r), p_.value_dim);
    }
    const std::int64_t end = h_.causal ? std::min(p_.keys, queries.begin + queries.count) : p_.keys;
    for (std::int64_t key = 0; key < end; key += kKeys) {
      const Range keys{key, std::min(kKeys, p_.keys - key)};
      score(q, queries, keys);
      chunk(dy, queries, keys);
    }
    put(p_.dq, queries.count, p_.head_dim, h_.scale, h_.dq, queries.begin);
  }

  void chunk(const Rows& dy, Range queries, Range keys) {
    const std::int64_t wide = stride(keys);
    float *weights = s_ + p_.weights, *d_weights = s_ + p_.d_weights;
    multiply({Rows::row, &dy}, queries.count, p_.value_panels + keys.begin * p_.value_dim, p_.value_dim,
             keys.count, d_weights);
    spread(d_weights, queries.count, keys);
    for (std::int64_t r = 0; r < queries.count; ++r) {
      softmax_weights_row(weights + r * wide, keys.count, seen(queries, keys, r), h_.scale,
                          bias(queries, keys, r), h_.log_sums[queries.begin + r]);
      softmax_gradient_row(weights + r * wide, d_weights + r * wide, keys.count, s_[p_.means + r]);
    }
    turn(weights, queries.count, keys, s_ + p_.turned);
    turn(d_weights, queries.count, keys, s_ + p_.d_turned);
    const Rows ds{d_weights, wide}, turned{s_ + p_.turned, kQueries}, d_turned{s_ + p_.d_turned, kQueries};
    multiply({Rows::row, &ds}, queries.count, p_.keys_by_column + keys.begin * p_.d_columns, keys.count,
             p_.head_dim, s_ + p_.dq, keys.begin > 0);
    multiply({Rows::row, &d_turned}, keys.count, p_.query_block, queries.count, p_.head_dim,
             s_ + p_.dk + keys.begin * p_.head_dim, true);
    multiply({Rows::row, &turned}, keys.count, p_.dy_block, queries.count, p_.value_dim,
             s_ + p_.dv + keys.begin * p_.value_dim, true);
  }

  // Q·Kᵀ of a block and a chunk, rows stride(keys) apart.
  void score(const Rows& q, Range queries, Range keys) {
    multiply({Rows::row, &q}, queries.count, p_.key_panels + keys.begin * p_.head_dim, p_.head_dim,
             keys.count, s_ + p_.weights);
    spread(s_ + p_.weights, queries.count, keys);
  }

  static std::int64_t stride(Range keys) { return round_up(keys.count, 8); }
  // How many of a chunk's keys a query sees.
  std::int64_t seen(Range queries, Range keys, std::int64_t r) const {
    if (!h_.causal) return keys.count;
    return std::clamp<std::int64_t>(queries.begin + r + 1 - keys.begin, 0, keys.count);
  }
  const float* bias(Range queries, Range keys, std::int64_t r) const {
    return h_.bias.data ? h_.bias.row(queries.begin + r) + keys.begin : nullptr;
  }

  // Rows of keys → rows of queries, kQueries apart.
  static void turn(const float* rows, std::int64_t count, Range keys, float* to) {
    transpose_4_bytes(reinterpret_cast<const std::byte*>(rows), stride(keys),
                      reinterpret_cast<std::byte*>(to), kQueries, keys.count, count);
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

  // Dense rows of a chunk → rows stride(keys) apart, in place: the last first.
  static void spread(float* rows, std::int64_t count, Range keys) {
    const std::int64_t wide = stride(keys);
    if (wide == keys.count) return;
    for (std::int64_t r = count; r-- > 1;) {
      std::copy_backward(rows + r * keys.count, rows + (r + 1) * keys.count, rows + r * wide + keys.count);
    }
  }

  void put(std::int64_t from, std::int64_t rows, std::int64_t width, float factor, const HeadRowsOut& to,
           std::int64_t first) const {
    for (std::int64_t r = 0; r < rows; ++r) {
      float* row = to.data + (first + r) * to.stride;
      for (std::int64_t c = 0; c < width; ++c) row[c] = factor * s_[from + r * width + c];
    }
  }

  const GemmKernels& kernels_;
  const Plan& p_;
  const AttentionGradientHead& h_;
  float* s_;
};

// Columns from `column` on of one batch.
HeadRows head_rows(const Tensor& x, std::int64_t batch, std::int64_t column) {
  return {x.data<float>() + batch * x.strides()[0] + column, x.strides()[1]};
}

HeadRowsOut head_rows(Tensor& x, std::int64_t batch, std::int64_t column) {
  return {x.data<float>() + batch * x.strides()[0] + column, x.strides()[1]};
}

// A head's rows of the bias; none without one.
HeadRows bias_rows(const Tensor* bias, std::int64_t batch, std::int64_t head) {
  if (!bias) return {};
  const Shape& s = bias->strides();
  return {bias->data<float>() + (bias->dim(0) > 1 ? batch * s[0] : 0) + (bias->dim(1) > 1 ? head * s[1] : 0),
          s[2]};
}

const AttentionGradientKernels* tiled_kernels(const CpuDevice& device) {
  if (device.precision() != Precision::kBF16) return nullptr;
  if (device.kernel_set() == KernelSet::kAmx) return &kAttentionGradientAmx;
  return device.kernel_set() == KernelSet::kEmulatedAmx ? &kAttentionGradientEmulatedAmx : nullptr;
}

}  // namespace

void attention_gradient(const AttentionSaved& saved, const Tensor& dy, const AttentionOptions& options,
                        Tensor& dq, Tensor& dk, Tensor& dv) {
  CpuDevice& device = cpu_device(dq);
  const std::int64_t heads = options.heads;
  AttentionGradientHead sizes;
  sizes.queries = saved.q.dim(1), sizes.keys = saved.k.dim(1);
  sizes.head_dim = saved.q.dim(2) / heads, sizes.value_dim = saved.v.dim(2) / heads;
  sizes.scale = options.scale, sizes.causal = options.causal;
  // `run` takes one head of one batch, and a thread's scratch of so many bytes.
  const auto each_head = [&](std::int64_t scratch_bytes, const auto& run) {
    Tensor scratch = Tensor::empty(device, DType::kU8, {device.threads().size(), scratch_bytes});
    device.threads().parallel_for(saved.q.dim(0) * heads, [&](std::int64_t task, int thread) {
      const std::int64_t n = task / heads, head = task % heads;
      const std::int64_t at = head * sizes.head_dim, value_at = head * sizes.value_dim;
      AttentionGradientHead h = sizes;
      h.q = head_rows(saved.q, n, at), h.k = head_rows(saved.k, n, at);
      h.v = head_rows(saved.v, n, value_at), h.y = head_rows(saved.y, n, value_at);
      h.dy = head_rows(dy, n, value_at);
      h.bias = bias_rows(options.bias, n, head);
      h.log_sums = saved.log_sums.data<float>() + task * sizes.queries;
      h.dq = head_rows(dq, n, at), h.dk = head_rows(dk, n, at), h.dv = head_rows(dv, n, value_at);
      run(h, scratch.raw() + thread * scratch_bytes);
    });
  };
  if (const AttentionGradientKernels* tiled = tiled_kernels(device)) {
    return each_head(tiled->scratch_bytes(sizes), tiled->run);
  }
  const GemmKernels& kernels = device.gemm();
  const Plan plan(kernels.f32, sizes.queries, sizes.keys, sizes.head_dim, sizes.value_dim);
  each_head(plan.floats * static_cast<std::int64_t>(sizeof(float)),
            [&](const AttentionGradientHead& h, std::byte* scratch) {
              HeadGradient(kernels, plan, h, reinterpret_cast<float*>(scratch)).run();
            });
}

}  // namespace dq::ops::cpu
