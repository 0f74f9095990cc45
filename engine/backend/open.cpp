#include "engine/backend/open.h"

#include "engine/backend/cpu/open_cpu.h"
#include "engine/backend/cuda/open_cuda.h"
#include "engine/backend/device_name.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/check.h"
#include "engine/core/thread_group.h"

namespace amcl {
namespace {

ConvAlgorithm conv_algorithm_of(const std::string& name) {
  if (name == "auto") return ConvAlgorithm::automatic;
  if (name == "direct") return ConvAlgorithm::direct;
  if (name == "winograd") return ConvAlgorithm::winograd;
  fail(ErrorKind::usage, "conv-algorithm: '", name, "' is not one of auto, direct, winograd");
}

}  // namespace

std::unique_ptr<Backend> open_backend(const std::string& name, const BackendOptions& options) {
  const DeviceName device = parse_device_name(name);
  const ConvAlgorithm algorithm = conv_algorithm_of(options.conv_algorithm);
  if (name != "cpu" && algorithm != ConvAlgorithm::automatic)
    fail(ErrorKind::usage, "conv-algorithm: '", options.conv_algorithm,
         "' is for --device cpu, not for '", name, "'; leave it at auto");
  if (device.backend == "cuda")
    return open_cuda_backend(
        {.gpu = device.number, .deterministic = options.deterministic, .tf32 = options.tf32});
  if (options.deterministic)
    fail(ErrorKind::usage, "deterministic: --device ", name,
         " repeats to the bit anyway, with the same --threads; leave it out");
  if (options.tf32)
    fail(ErrorKind::usage, "precision: tf32 is a format of NVIDIA's tensor cores, which --device ",
         name, " has not; use --precision f32");
  check_compute_threads();
  if (name == "cpu") return open_cpu_backend(algorithm);
  return std::make_unique<PlainBackend>();
}

std::vector<std::string> backend_names() {
  return {"cpu", "cuda", "plain"};
}

std::vector<std::string> conv_algorithm_names() {
  return {"auto", "direct", "winograd"};
}

std::vector<BackendDescription> describe_backends() {
  return {{"cpu", describe_cpu(), describe_cpu_convolutions()},
          {"cuda", describe_cuda()},
          {"plain", "the readable definition of every kernel, in f32 and f64"}};
}

}  // namespace amcl
