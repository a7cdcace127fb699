// Heads are taken in rounds. A round packs the keys and values of as many heads as fit a few megabytes, then
// all threads share its blocks of queries. A block is computed in one way whoever computes it.
#include <algorithm>

#include "ops/cpu/attention_kernels.h"
#include "ops/cpu/cpu_device.h"
#include "ops/cpu/kernels.h"
#include "ops/cpu/rounding.h"

namespace dq::ops::cpu {
namespace {

// Packed keys and values of a round, at most (or one head's, if those are more).
constexpr std::int64_t kRoundBytes = 4 << 20;

const AttentionKernels& kernels_of(const CpuDevice& device) {
  const bool bf16 = device.precision() == Precision::kBF16;
  switch (device.kernel_set()) {
    case KernelSet::kAvx2:
      return kAttentionAvx2;
    case KernelSet::kAvx512:
      return kAttentionAvx512;
    case KernelSet::kAmx:
      return bf16 ? kAttentionAmx : kAttentionAvx512;
    case KernelSet::kAvx512Bf16:
      return bf16 ? kAttentionAvx512Bf16 : kAttentionAvx512;
    case KernelSet::kEmulatedAmx:
      return bf16 ? kAttentionEmulatedAmx : kAttentionEmulated512;
    case KernelSet::kEmulated512:
      return bf16 ? kAttentionEmulated512Bf16 : kAttentionEmulated512;
  }
  return kAttentionAvx2;
}

// The first number of head `index` (batch·heads + head) of a [N, T, heads·D] tensor.
const float* head_of(const Tensor& x, std::int64_t index, std::int64_t heads) {
  return x.data<float>() + index / heads * x.strides()[0] + index % heads * (x.dim(2) / heads);
}

const float* bias_of(const Tensor* bias, std::int64_t index, std::int64_t heads) {
  if (!bias) return nullptr;
  const std::int64_t batch = bias->dim(0) > 1 ? index / heads : 0,
                     head = bias->dim(1) > 1 ? index % heads : 0;
  return bias->data<float>() + batch * bias->strides()[0] + head * bias->strides()[1];
}

}  // namespace

void attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options, Tensor& y,
               Tensor* log_sums) {
  const AttentionKernels& kernels = kernels_of(cpu_device(y));
  const std::int64_t heads = options.heads, all = q.dim(0) * heads, tq = q.dim(1), tk = k.dim(1);
  const std::int64_t head_dim = q.dim(2) / heads, value_dim = v.dim(2) / heads;
  const std::int64_t keys_bytes = kernels.keys_bytes(tk, head_dim);
  const std::int64_t head_bytes = keys_bytes + kernels.values_bytes(tk, value_dim);
  const std::int64_t scratch_bytes = kernels.scratch_bytes(head_dim, value_dim);
  const std::int64_t round =
      std::clamp<std::int64_t>(kRoundBytes / std::max<std::int64_t>(head_bytes, 1), 1, all);
  ThreadPool& threads = y.device().threads();
  const std::int64_t memory_bytes = round * head_bytes + threads.size() * scratch_bytes;
  const std::shared_ptr<std::byte> memory = y.device().allocate(static_cast<std::uint64_t>(memory_bytes));
  std::byte* const scratch = memory.get() + round * head_bytes;
  const std::int64_t block_rows = kernels.query_block, blocks = ceil_div(tq, block_rows);
  for (std::int64_t first = 0; first < all; first += round) {
    const std::int64_t count = std::min(round, all - first);
    threads.parallel_for(2 * count, [&](std::int64_t task, int) {
      const std::int64_t head = task / 2;
      std::byte* place = memory.get() + head * head_bytes;
      if (task % 2 == 0) {
        kernels.pack_keys(head_of(k, first + head, heads), k.strides()[1], tk, head_dim, place);
      } else {
        kernels.pack_values(head_of(v, first + head, heads), v.strides()[1], tk, value_dim,
                            place + keys_bytes);
      }
    });
    threads.parallel_for(count * blocks, [&](std::int64_t task, int thread) {
      const std::int64_t head = task / blocks, query = task % blocks * block_rows;
      const std::byte* packed = memory.get() + head * head_bytes;
      const float* bias = bias_of(options.bias, first + head, heads);
      AttentionBlock block{};
      block.q = head_of(q, first + head, heads) + query * q.strides()[1];
      block.q_stride = q.strides()[1];
      block.rows = static_cast<int>(std::min(block_rows, tq - query));
      block.first_query = query;
      block.keys = packed;
      block.values = packed + keys_bytes;
      block.key_count = tk;
      block.head_dim = head_dim;
      block.value_dim = value_dim;
      block.scale = options.scale;
      block.causal = options.causal;
      block.bias = bias ? bias + query * options.bias->strides()[2] : nullptr;
      block.bias_stride = bias ? options.bias->strides()[2] : 0;
      block.log_sums = log_sums ? log_sums->data<float>() + (first + head) * tq + query : nullptr;
      block.y_stride = y.dim(2);
      block.y = y.data<float>() + ((first + head) / heads * tq + query) * y.dim(2) +
                (first + head) % heads * value_dim;
      kernels.attend(block, scratch + thread * scratch_bytes);
    });
  }
}

}  // namespace dq::ops::cpu
