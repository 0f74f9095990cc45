#include "train/bench_step.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/backend/open.h"
#include "engine/backend/profiled_backend.h"
#include "engine/core/parallel_for.h"
#include "engine/core/philox.h"
#include "train/build_method.h"
#include "train/optimizer_config.h"
#include "train/process_memory.h"
#include "train/step.h"
#include "train/training_backend.h"
#include "train/version.h"

namespace amcl {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

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

// GFLOP/s of a product of 2048 x 2048 matrices, the best of five.
double product_rate(Backend& backend) {
  constexpr int64_t kExtent = 2048;
  const Tensor a = normal_tensor(backend, {kExtent, kExtent});
  Tensor c = Tensor::empty_like(a);
  double best = INFINITY;
  for (int repeat = 0; repeat < 6; ++repeat) {
    const Clock::time_point begin = Clock::now();
    backend.matmul(a, a, {}, c);
    backend.synchronize();
    if (repeat > 0) best = std::min(best, seconds_since(begin));
  }
  return 2.0 * kExtent * kExtent * kExtent / best * 1e-9;
}

Config config_of(const BenchStepOptions& options) {
  Config config;
  config.model.backbone = options.backbone;
  config.model.width = options.width;
  config.model.stem = options.backbone == "resnet50" ? "imagenet" : "cifar";
  config.model.heads = options.heads;
  config.model.bn_views = "joint";
  config.objective.temperature = options.temperature;
  config.train.batch = options.batch;
  config.train.device = options.device;
  config.train.conv_algorithm = options.conv_algorithm;
  config.train.precision = options.precision;
  validate(config);
  return config;
}

struct Timing {
  std::vector<double> seconds;  // of each step
  double loss = 0.0;
  double flops = 0.0;  // of a step
  MemoryUse memory;
};

Timing time_steps(Backend& backend, const Config& config, const BenchStepOptions& options,
                  KernelProfile& profile) {
  const std::unique_ptr<Method> method = build_method(config, backend);
  ParameterArena arena(backend, [&](const ModuleVisitor& visitor) { method->visit(visitor); });
  Optimizer optimizer(arena, optimizer_options(config.optimizer));
  const Tensor images = normal_tensor(backend, {2 * options.batch, options.size, options.size, 3});
  Timing timing;
  // The first step, which plans the convolutions, is counted and not timed.
  for (int64_t step = 0; step <= options.warmup + options.steps; ++step) {
    if (step == 1) {
      for (const KernelTime& kernel : profile.times()) timing.flops += kernel.flops;
      profile.pause(true);
    }
    if (step == options.warmup + 1) {
      profile.clear();
      profile.pause(!options.profile);
      backend.allocator().reset_peak();
    }
    const Clock::time_point begin = Clock::now();
    timing.loss =
        training_step(*method, arena, optimizer, images,
                      {.number = step + 1, .rate = 0.03, .context = training_context(config)})
            .loss;
    backend.synchronize();
    if (step > options.warmup) timing.seconds.push_back(seconds_since(begin));
  }
  timing.memory = backend.allocator().use();
  return timing;
}

void print_profile(const KernelProfile& profile, const Timing& timing, std::ostream& log) {
  const auto steps = static_cast<double>(timing.seconds.size());
  double step_seconds = 0.0;
  for (const double seconds : timing.seconds) step_seconds += seconds / steps;
  const auto row = [&](const std::string& name, double calls, double seconds, double flops,
                       double bytes) {
    log << std::left << std::setw(62) << name << std::right << std::setw(7) << calls
        << std::setw(10) << seconds * 1e3 << std::setw(8) << 100.0 * seconds / step_seconds;
    if (flops > 0.0) {
      log << std::setw(9) << flops / seconds * 1e-9 << " GFLOP/s";
    } else if (bytes > 0.0) {
      log << std::setw(9) << bytes / seconds * 1e-9 << " GB/s";
    }
    log << '\n';
  };
  log << std::fixed << std::setprecision(2) << "per step" << std::string(54, ' ')
      << "  calls        ms       %     rate\n";
  double rest = step_seconds;
  for (const KernelTime& kernel : profile.times()) {
    row(kernel.detail.empty() ? kernel.name : kernel.name + "  " + kernel.detail,
        static_cast<double>(kernel.calls) / steps, kernel.seconds / steps, kernel.flops / steps,
        kernel.bytes / steps);
    rest -= kernel.seconds / steps;
  }
  row("outside of kernels", 1, rest, 0.0, 0.0);
}

}  // namespace

void run_bench_step(const BenchStepOptions& options, std::ostream& out, std::ostream& log) {
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  KernelProfile profile;
  const Config config = config_of(options);
  const std::unique_ptr<Backend> backend = profiled(open_training_backend(config.train), profile);
  const Timing timing = time_steps(*backend, config, options, profile);
  if (options.profile) print_profile(profile, timing, log);
  profile.pause(true);
  const double product_gflops = product_rate(*backend);

  const double step = median(timing.seconds);
  const auto [fastest, slowest] = std::minmax_element(timing.seconds.begin(), timing.seconds.end());
  const double gflops = timing.flops / step * 1e-9;
  std::string libraries;
  for (const BackendDescription& backend_found : describe_backends())
    if (backend_found.name == options.device) libraries = backend_found.description;
  constexpr double kMiB = 1024.0 * 1024.0;
  nlohmann::ordered_json record;
  record["program"] = "amcl " + program_version() + " " + program_commit();
  record["device"] = concat_text(options.device, " x", compute_threads());
  record["libraries"] = libraries;
  record["backbone"] = options.backbone;
  record["width"] = options.width;
  record["size"] = options.size;
  record["batch"] = options.batch;
  record["heads"] = options.heads;
  record["temperature"] = options.temperature;
  record["precision"] = options.precision;
  record["conv_algorithm"] = options.conv_algorithm;
  record["pairs_per_s"] = rounded(static_cast<double>(options.batch) / step, 2);
  record["step_ms"] = rounded(step * 1e3, 2);
  record["step_ms_min_max"] = {rounded(*fastest * 1e3, 2), rounded(*slowest * 1e3, 2)};
  record["peak_mib"] = rounded(static_cast<double>(timing.memory.peak) / kMiB, 0);
  record["peak_process_mib"] = rounded(static_cast<double>(peak_resident_bytes()) / kMiB, 0);
  record["step_gflop"] = rounded(timing.flops * 1e-9, 2);
  record["gflops"] = rounded(gflops, 1);
  record["sgemm_gflops"] = rounded(product_gflops, 1);
  record["share_of_sgemm"] = rounded(gflops / product_gflops, 3);
  record["loss"] = rounded(timing.loss, 5);
  out << record.dump() << std::endl;
}

}  // namespace amcl
