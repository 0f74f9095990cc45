#include "train/bench/bench_step.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "engine/backend/device_name.h"
#include "engine/backend/open.h"
#include "engine/core/check.h"
#include "engine/core/host_memory.h"
#include "engine/core/parallel_for.h"
#include "engine/io/crc32c.h"
#include "train/assembly/build_method.h"
#include "train/assembly/training_backend.h"
#include "train/bench/bench_figures.h"
#include "train/bench/bench_rate.h"
#include "train/config/config_resolve.h"
#include "train/step/repeated_step.h"
#include "train/version.h"

namespace amcl {
namespace {

Config config_of(const BenchStepOptions& options) {
  const DeviceName device = parse_device_name(options.device);
  AMCL_CHECK(options.capture || device.backend == "cuda",
             "--no-capture has no effect with --device ", options.device,
             ", which replays nothing: leave it out");
  std::vector<std::pair<std::string, std::string>> flags = {
      {"backbone", options.backbone},
      {"width", std::to_string(options.width)},
      {"stem", options.backbone == "resnet50" ? "imagenet" : "cifar"},
      {"heads", std::to_string(options.heads)},
      {"bn_views", "joint"},
      {"temperature", options.temperature},
      {"batch", std::to_string(options.batch)},
      {"device", options.device},
      {"conv_algorithm", options.conv_algorithm},
      {"precision", options.precision}};
  if (options.deterministic) flags.emplace_back("deterministic", "true");
  return resolve_config({.flags = std::move(flags)}).config;
}

struct Timing {
  std::vector<double> seconds;  // of each step
  double loss = 0.0;
  uint32_t weights_crc = 0;  // after the last step
  double flops = 0.0;        // of a step
  bool captured = false;
  MemoryUse memory;
};

Timing time_steps(Backend& backend, const Config& config, const BenchStepOptions& options,
                  KernelProfile& profile, std::ostream& log) {
  const std::unique_ptr<Method> method = build_method(config, backend);
  ParameterArena arena(backend, [&](const ModuleVisitor& visitor) { method->visit(visitor); });
  Optimizer optimizer(arena, config.optimizer);
  const Tensor images = normal_tensor(backend, {2 * options.batch, options.size, options.size, 3});
  RepeatedStep repeated(
      *method, arena, optimizer, [&] { return images; },
      {.context = training_context(config.method)},
      options.capture && !options.profile);  // a replay shows no kernels
  Timing timing;
  backend.keep_profile(&profile);
  // The first step, which plans the convolutions, is counted and not timed.
  for (int64_t step = 0; step <= options.warmup + options.steps; ++step) {
    if (step == 1) {
      for (const KernelTime& kernel : profile.times()) timing.flops += kernel.work.flops;
      backend.keep_profile(nullptr);
    }
    if (step == options.warmup + 1) {
      profile.clear();
      if (options.profile) backend.keep_profile(&profile);
      backend.allocator().reset_peak();
    }
    const Stopwatch watch;
    repeated.launch({.number = step + 1, .rate = 0.03});
    backend.synchronize();
    if (const std::string warning = repeated.take_warning(); !warning.empty())
      log << "warning: " << warning << std::endl;
    if (step > options.warmup) timing.seconds.push_back(watch.seconds());
  }
  backend.keep_profile(nullptr);
  timing.loss = repeated.result().loss;
  const std::vector<float> weights = arena.values().to_host<float>();
  timing.weights_crc = crc32c(std::as_bytes(std::span(weights)));
  timing.captured = repeated.captured();
  timing.memory = backend.allocator().use();
  return timing;
}

}  // namespace

void run_bench_step(const BenchStepOptions& options, std::ostream& out, std::ostream& log) {
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  KernelProfile profile;
  const Config config = config_of(options);
  const std::unique_ptr<Backend> backend = open_training_backend(config.train);
  const Timing timing = time_steps(*backend, config, options, profile, log);
  if (options.profile) print_profile(profile, timing.seconds, log);
  const double product_gflops = product_rate(*backend);

  const double step = median(timing.seconds);
  const auto [fastest, slowest] = std::minmax_element(timing.seconds.begin(), timing.seconds.end());
  const double gflops = timing.flops / step * 1e-9;
  std::string libraries;
  for (const BackendDescription& backend_found : describe_backends())
    if (backend_found.name == parse_device_name(options.device).backend)
      libraries = backend_found.description;
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
  record["deterministic"] = options.deterministic;
  record["captured"] = timing.captured;
  record["pairs_per_s"] = rounded(static_cast<double>(options.batch) / step, 2);
  record["step_ms"] = rounded(step * 1e3, 2);
  record["step_ms_min_max"] = {rounded(*fastest * 1e3, 2), rounded(*slowest * 1e3, 2)};
  record["peak_mib"] = rounded(static_cast<double>(timing.memory.peak) / kBytesPerMiB, 0);
  record["peak_process_mib"] =
      rounded(static_cast<double>(peak_resident_bytes()) / kBytesPerMiB, 0);
  record["step_gflop"] = rounded(timing.flops * 1e-9, 2);
  record["gflops"] = rounded(gflops, 1);
  record["sgemm_gflops"] = rounded(product_gflops, 1);
  record["share_of_sgemm"] = rounded(gflops / product_gflops, 3);
  record["loss"] = timing.loss;
  record["weights_crc32c"] = timing.weights_crc;
  out << record.dump() << std::endl;
}

}  // namespace amcl
