#include "train/encoder/encoder.h"

namespace amcl {
namespace {

ResNet untrained(const ResNetOptions& options, Backend& backend) {
  Initializer initializer(backend, /*seed=*/0, DType::f32);
  return {initializer, options};
}

}  // namespace

Encoder::Encoder(const EncoderFile& file, Backend& backend)
    : network_(untrained(file.backbone, backend)) {
  load_backbone(file, network_);
}

Tensor Encoder::features(const Tensor& images) {
  return network_.forward(images, {.phase = Phase::eval, .update_running_statistics = false});
}

}  // namespace amcl
