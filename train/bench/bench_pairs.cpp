#include "train/bench/bench_pairs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/backend/open.h"
#include "engine/core/host_memory.h"
#include "engine/core/parallel_for.h"
#include "models/objectives/amcl_nt_xent.h"
#include "train/bench/bench_figures.h"
#include "train/bench/bench_rate.h"
#include "train/version.h"

namespace amcl {
namespace {

struct PairsTiming {
  std::vector<double> seconds;  // of each repeat
  double loss = 0.0;
  double flops = 0.0;  // of the products of a repeat
  int64_t peak = 0;    // bytes of tensors at once
};

PairsTiming time_pairs(Backend& backend, const BenchPairsOptions& options, KernelProfile& profile) {
  Initializer initializer(backend, /*seed=*/1);
  TemperatureNet net(initializer, options.heads, options.features, {.hidden = options.features});
  const Tensor z = normal_tensor(backend, {options.heads, options.rows, options.features});
  PairsTiming timing;
  backend.keep_profile(&profile);
  for (int64_t repeat = 0; repeat <= options.repeats; ++repeat) {
    // The first one, which fills the allocator, is counted and not timed.
    if (repeat == 1) {
      for (const KernelTime& kernel : profile.times()) timing.flops += kernel.work.flops;
      profile.clear();
      if (!options.profile) backend.keep_profile(nullptr);
      backend.allocator().reset_peak();
    }
    net.visit("", {.parameter = [](const std::string&,
                                   Parameter& parameter) { parameter.slot.written = false; },
                   .buffer = [](const std::string&, Tensor&) {}});
    const Stopwatch watch;
    {
      const TapeScope scope;
      const Loss loss = amcl_nt_xent(tape::leaf(z), &net, {});
      tape::backward(loss.total);
      timing.loss = loss.total.item();
    }
    backend.synchronize();
    if (repeat > 0) timing.seconds.push_back(watch.seconds());
  }
  backend.keep_profile(nullptr);
  timing.peak = backend.allocator().use().peak;
  return timing;
}

}  // namespace

void run_bench_pairs(const BenchPairsOptions& options, std::ostream& out, std::ostream& log) {
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  KernelProfile profile;
  const std::unique_ptr<Backend> backend = open_backend(options.device);
  const PairsTiming timing = time_pairs(*backend, options, profile);
  const int64_t peak_process = peak_resident_bytes();
  if (options.profile) print_profile(profile, timing.seconds, log);
  const double product_gflops = product_rate(*backend);

  const double one = median(timing.seconds);
  const auto [fastest, slowest] = std::minmax_element(timing.seconds.begin(), timing.seconds.end());
  const double floor = timing.flops / product_gflops * 1e-9;
  nlohmann::ordered_json record;
  record["program"] = "amcl " + program_version() + " " + program_commit();
  record["device"] = concat_text(options.device, " x", compute_threads());
  record["rows"] = options.rows;
  record["heads"] = options.heads;
  record["features"] = options.features;
  record["ms"] = rounded(one * 1e3, 2);
  record["ms_min_max"] = {rounded(*fastest * 1e3, 2), rounded(*slowest * 1e3, 2)};
  record["peak_mib"] = rounded(static_cast<double>(timing.peak) / kBytesPerMiB, 1);
  record["peak_process_mib"] = rounded(static_cast<double>(peak_process) / kBytesPerMiB, 1);
  record["gflop"] = rounded(timing.flops * 1e-9, 2);
  record["sgemm_gflops"] = rounded(product_gflops, 1);
  record["floor_ms"] = rounded(floor * 1e3, 2);
  record["share_of_floor"] = rounded(floor / one, 3);
  record["loss"] = rounded(timing.loss, 5);
  out << record.dump() << std::endl;
}

}  // namespace amcl
