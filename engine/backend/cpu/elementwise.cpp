// Elementwise kernels of the cpu backend on bf16, which the plain loops convert element by element.
// Floor: the bytes, 6 per element of a sum and of a rounding alike.
#include "engine/backend/cpu/cpu_backend.h"
#include "engine/backend/cpu/elementwise_kernels.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

constexpr int64_t kGrain = int64_t{1} << 14;  // elements that are worth a thread

}  // namespace

void CpuBackend::accumulate(const Tensor& x, Tensor& y) {
  if (x.dtype() != DType::bf16) return PlainBackend::accumulate(x, y);
  const bf16* xs = x.data<bf16>();
  bf16* ys = y.data<bf16>();
  parallel_for(y.count(), kGrain, [=](int64_t begin, int64_t end) {
    accumulate_bf16(xs + begin, end - begin, ys + begin);
  });
}

void CpuBackend::cast(const Tensor& x, Tensor& y) {
  if (x.dtype() != DType::f32 || y.dtype() != DType::bf16) return PlainBackend::cast(x, y);
  const float* xs = x.data<float>();
  bf16* ys = y.data<bf16>();
  parallel_for(y.count(), kGrain, [=](int64_t begin, int64_t end) {
    round_to_bf16(xs + begin, end - begin, ys + begin);
  });
}

}  // namespace amcl
