// Matrix products by oneDNN's sgemm, one call per batch entry: the batches here are few heads of
// hundreds of rows, large enough for its threads.
#include <oneapi/dnnl/dnnl.h>

#include "engine/backend/cpu/cpu_backend.h"
#include "engine/core/check.h"
#include "engine/core/host_memory.h"
#include "engine/core/out_of_memory.h"

namespace amcl {
namespace {

// Elements from one batch entry to the next; 0 if the side is shared.
int64_t batch_stride(const Tensor& side) {
  return side.rank() == 3 ? side.dim(1) * side.dim(2) : 0;
}

// More than oneDNN takes for its machine code, which it writes at the first products of a kind without
// a look at whether there was memory for it.
constexpr int64_t kCodeBytes = int64_t{16} << 20;

}  // namespace

void CpuBackend::matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) {
  if (c.dtype() != DType::f32) return PlainBackend::matmul(a, b, spec, c);
  const int64_t batches = a.rank() == 3 ? a.dim(0) : b.rank() == 3 ? b.dim(0) : 1;
  const int64_t m = c.dim(-2);
  const int64_t n = c.dim(-1);
  const int64_t k = spec.trans_a ? a.dim(-2) : a.dim(-1);
  if (k == 0) return fill_zero(c.raw(), c.bytes());
  check_address_room(kCodeBytes);
  const float* left = a.data<float>();
  const float* right = b.data<float>();
  float* product = c.data<float>();
  for (int64_t batch = 0; batch < batches; ++batch) {
    // A c without the batch axis receives the sum over the batch.
    const float beta = c.rank() == 2 && batch > 0 ? 1.0f : 0.0f;
    const dnnl_status_t status =
        dnnl_sgemm(spec.trans_a ? 'T' : 'N', spec.trans_b ? 'T' : 'N', m, n, k, 1.0f, left,
                   a.dim(-1), right, b.dim(-1), beta, product, n);
    if (status == dnnl_out_of_memory)
      throw OutOfMemory("out of memory: oneDNN found none for a matrix product");
    if (status != dnnl_success)
      fail(ErrorKind::device, "matmul: oneDNN's sgemm refused ", a.shape(), " x ", b.shape(),
           " with status ", static_cast<int>(status));
    left += batch_stride(a);
    right += batch_stride(b);
    product += batch_stride(c);
  }
}

}  // namespace amcl
