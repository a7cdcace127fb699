#include <dnnl.h>
#include <omp.h>

#include <stdexcept>

#include "roofs.h"

namespace dq::bench {

void onednn_matmul(std::int64_t m, std::int64_t n, std::int64_t k, const float* x, const float* w, float* y) {
  omp_set_num_threads(1);
  const dnnl_status_t status = dnnl_sgemm('N', 'T', m, n, k, 1.0f, x, k, w, k, 0.0f, y, n);
  if (status != dnnl_success) throw std::runtime_error("dnnl_sgemm failed");
}

}  // namespace dq::bench
