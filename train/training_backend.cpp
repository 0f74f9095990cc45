#include "train/training_backend.h"

#include "engine/backend/open.h"
#include "engine/core/check.h"

namespace amcl {

std::unique_ptr<Backend> open_training_backend(const TrainConfig& config) {
  std::unique_ptr<Backend> backend = open_backend(config.device, config.conv_algorithm);
  if (config.precision == "bf16") {
    const std::string reason = backend->reason_against(DType::bf16);
    AMCL_CHECK(reason.empty(), "precision: bf16 is not for --device ", config.device,
               " here: ", reason, "; use --precision f32");
  }
  return backend;
}

}  // namespace amcl
