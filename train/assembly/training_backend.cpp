#include "train/assembly/training_backend.h"

#include "engine/core/check.h"
#include "train/config/precision.h"

namespace amcl {

BackendOptions backend_options(const TrainConfig& config) {
  return {.conv_algorithm = config.conv_algorithm,
          .deterministic = config.deterministic.value_or(false),
          .tf32 = precision_of(config) == "tf32"};
}

std::unique_ptr<Backend> open_training_backend(const TrainConfig& config) {
  std::unique_ptr<Backend> backend = open_backend(config.device, backend_options(config));
  if (precision_of(config) == "bf16") {
    const std::string reason = backend->reason_against(DType::bf16);
    AMCL_CHECK(reason.empty(), "precision: bf16 is not for --device ", config.device,
               " here: ", reason, "; use --precision f32");
  }
  return backend;
}

}  // namespace amcl
