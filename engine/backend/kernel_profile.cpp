#include "engine/backend/kernel_profile.h"

#include <algorithm>
#include <chrono>

#include "engine/core/check.h"

namespace amcl {

void describe_product(KernelWork& work, const Tensor& a, const Tensor& b, const MatmulSpec& spec,
                      const Tensor& c) {
  const int64_t m = c.dim(-2);
  const int64_t n = c.dim(-1);
  const int64_t k = spec.trans_a ? a.dim(-2) : a.dim(-1);
  const int64_t batches = a.rank() == 3 ? a.dim(0) : b.rank() == 3 ? b.dim(0) : 1;
  work.detail = concat_text(batches, " of ", m, 'x', n, 'x', k, spec.trans_a ? " T" : " N",
                            spec.trans_b ? "T" : "N");
  work.flops = 2.0 * static_cast<double>(batches * m * n * k);
}

// "3x3/2 64->128 of 16x16": window, stride, channels, extent of the output.
void describe_product(KernelWork& work, const Tensor& first, const Tensor& second,
                      const Conv2dSpec& spec, const Tensor& result) {
  const Tensor& w = work.name == "conv2d_dw" ? result : second;
  const Tensor& y = work.name == "conv2d_dx" ? first : work.name == "conv2d_dw" ? second : result;
  work.detail = concat_text(w.dim(1), 'x', w.dim(2), '/', spec.stride, ' ', w.dim(3), "->",
                            w.dim(0), " of ", y.dim(1), 'x', y.dim(2));
  work.flops = 2.0 * static_cast<double>(w.count()) * static_cast<double>(y.count() / w.dim(0));
}

void describe_product(KernelWork& work, const Tensor& x, const Tensor& w, const Tensor& /*bias*/,
                      const Tensor& /*nullable_residual*/, const Conv2dSpec& spec, bool /*relu*/,
                      const Tensor& y) {
  describe_product(work, x, w, spec, y);
}

void KernelProfile::time(Device& device, const KernelWork& work,
                         const std::function<void()>& kernel) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  kernel();
  device.synchronize();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  KernelTime& total = times_[{work.name, work.detail}];
  total.work.name = work.name;
  total.work.detail = work.detail;
  total.work.flops += work.flops;
  total.work.bytes += work.bytes;
  total.calls += 1;
  total.seconds += seconds;
}

std::vector<KernelTime> KernelProfile::times() const {
  std::vector<KernelTime> result;
  for (const auto& [key, time] : times_) result.push_back(time);
  std::stable_sort(
      result.begin(), result.end(),
      [](const KernelTime& left, const KernelTime& right) { return left.seconds > right.seconds; });
  return result;
}

}  // namespace amcl
