#include "train/bench/bench_encoder.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "engine/backend/open.h"
#include "engine/core/host_memory.h"
#include "engine/core/parallel_for.h"
#include "models/inference_resnet.h"
#include "train/bench/bench_figures.h"
#include "train/bench/bench_rate.h"
#include "train/version.h"

namespace amcl {
namespace {

InferenceResNet make_network(const BenchEncoderOptions& options, Backend& backend) {
  Initializer initializer(backend, /*seed=*/1);
  const ResNet network(
      initializer,
      {.backbone = options.backbone, .width = options.width, .stem = usual_stem(options.size)});
  return {network, options.precision == "bf16" ? DType::bf16 : DType::f32};
}

// Of a batch each: five at least, after one that makes the plans.
std::vector<double> time_batches(const InferenceResNet& network, const Tensor& images,
                                 double for_seconds) {
  std::vector<double> seconds;
  const Stopwatch all;
  while (seconds.size() < 5 || all.seconds() < for_seconds) {
    const Stopwatch watch;
    network.forward(images);
    images.device().synchronize();
    seconds.push_back(watch.seconds());
  }
  return seconds;
}

}  // namespace

void run_bench_encoder(const BenchEncoderOptions& options, std::ostream& out, std::ostream& log) {
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  const std::unique_ptr<Backend> backend = open_backend(options.device);
  const InferenceResNet network = make_network(options, *backend);
  const Tensor images = normal_tensor(*backend, {options.batch, options.size, options.size, 3});
  KernelProfile profile;
  backend->keep_profile(&profile);
  network.forward(images);
  double flops = 0.0;
  for (const KernelTime& kernel : profile.times()) flops += kernel.work.flops;
  if (!options.profile) backend->keep_profile(nullptr);
  profile.clear();
  const std::vector<double> seconds = time_batches(network, images, options.seconds);
  backend->keep_profile(nullptr);
  if (options.profile) print_profile(profile, seconds, log);

  const double batch = median(seconds);
  const double product_gflops = product_rate(*backend);
  const nlohmann::ordered_json record{
      {"program", "amcl " + program_version() + " " + program_commit()},
      {"device", concat_text(options.device, " x", compute_threads())},
      {"backbone", options.backbone},
      {"width", options.width},
      {"size", options.size},
      {"batch", options.batch},
      {"precision", options.precision},
      {"images_per_s", rounded(static_cast<double>(options.batch) / batch, 2)},
      {"image_gflop", rounded(flops / static_cast<double>(options.batch) * 1e-9, 3)},
      {"gflops", rounded(flops / batch * 1e-9, 1)},
      {"sgemm_gflops", rounded(product_gflops, 1)},
      {"peak_process_mib", rounded(static_cast<double>(peak_resident_bytes()) / kBytesPerMiB, 0)}};
  out << record.dump() << std::endl;
}

}  // namespace amcl
