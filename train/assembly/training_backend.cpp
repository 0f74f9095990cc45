#include "train/assembly/training_backend.h"

#include "engine/core/check.h"

namespace amcl {

BackendOptions backend_options(const TrainOptions& config) {
  return {.conv_algorithm = config.conv_algorithm,
          .deterministic = config.deterministic,
          .tf32 = config.precision == "tf32"};
}

std::unique_ptr<Backend> open_training_backend(const TrainOptions& config) {
  std::unique_ptr<Backend> backend = open_backend(config.device, backend_options(config));
  if (config.precision == "bf16") {
    const std::string reason = backend->reason_against(DType::bf16);
    AMCL_CHECK(reason.empty(), "precision: bf16 is not for --device ", config.device,
               " here: ", reason, "; use --precision f32");
  }
  return backend;
}

}  // namespace amcl
