#include "train/bench/bench_figures.h"

#include <algorithm>
#include <cmath>
#include <iomanip>

#include "engine/core/philox.h"
#include "train/bench/bench_rate.h"

namespace amcl {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2.0;
}

double rounded(double value, double digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

Tensor normal_tensor(Backend& backend, const Shape& shape) {
  RandomStream random(1, RandomPurpose::synthetic, 0, 0, 0);
  std::vector<float> values(static_cast<size_t>(shape.count()));
  for (float& value : values) value = random.normal();
  return Tensor::from_host<float>(backend, shape, values);
}

double product_rate(Backend& backend) {
  constexpr int64_t kExtent = 2048;
  const Tensor a = normal_tensor(backend, {kExtent, kExtent});
  Tensor c = Tensor::empty_like(a);
  double best = INFINITY;
  for (int repeat = 0; repeat < 6; ++repeat) {
    const Stopwatch watch;
    backend.matmul(a, a, {}, c);
    backend.synchronize();
    if (repeat > 0) best = std::min(best, watch.seconds());
  }
  return 2.0 * kExtent * kExtent * kExtent / best * 1e-9;
}

void print_profile(const KernelProfile& profile, const std::vector<double>& seconds,
                   std::ostream& log) {
  const auto runs = static_cast<double>(seconds.size());
  double of_a_run = 0.0;
  for (const double one : seconds) of_a_run += one / runs;
  const auto row = [&](const std::string& name, double calls, double kernel_seconds, double flops,
                       double bytes) {
    log << std::left << std::setw(62) << name << std::right << std::setw(7) << calls
        << std::setw(10) << kernel_seconds * 1e3 << std::setw(8)
        << 100.0 * kernel_seconds / of_a_run;
    if (flops > 0.0) {
      log << std::setw(9) << flops / kernel_seconds * 1e-9 << " GFLOP/s";
    } else if (bytes > 0.0) {
      log << std::setw(9) << bytes / kernel_seconds * 1e-9 << " GB/s";
    }
    log << '\n';
  };
  log << std::fixed << std::setprecision(2) << "per step" << std::string(54, ' ')
      << "  calls        ms       %     rate\n";
  double rest = of_a_run;
  for (const KernelTime& kernel : profile.times()) {
    const KernelWork& work = kernel.work;
    row(work.detail.empty() ? work.name : work.name + "  " + work.detail,
        static_cast<double>(kernel.calls) / runs, kernel.seconds / runs, work.flops / runs,
        work.bytes / runs);
    rest -= kernel.seconds / runs;
  }
  row("outside of kernels", 1, rest, 0.0, 0.0);
}

}  // namespace amcl
