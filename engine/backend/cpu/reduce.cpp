// Sums of the cpu backend in f32. Chunks of fixed size keep the order of the sums, and so the bits,
// for any number of threads.
#include <algorithm>
#include <vector>

#include "engine/backend/cpu/cpu_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// In f64, in as many interleaved sums as hide the latency of an addition.
double squares_of(const float* x, int64_t count) {
  constexpr int64_t kSums = 8;
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int64_t lane = 0; lane < kSums; ++lane) {
      const double value = x[i + lane];
      sums[lane] += value * value;
    }
  for (; i < count; ++i) sums[0] += static_cast<double>(x[i]) * x[i];
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

void CpuBackend::sum_of_squares(const Tensor& x, Tensor& y) {
  if (x.dtype() != DType::f32) return PlainBackend::sum_of_squares(x, y);
  constexpr int64_t kChunk = 65536;
  const float* xs = x.data<float>();
  std::vector<double> sums(static_cast<size_t>((x.count() + kChunk - 1) / kChunk));
  parallel_for(static_cast<int64_t>(sums.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk)
      sums[static_cast<size_t>(chunk)] =
          squares_of(xs + chunk * kChunk, std::min(kChunk, x.count() - chunk * kChunk));
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  *y.data<float>() = static_cast<float>(total);
}

}  // namespace amcl
