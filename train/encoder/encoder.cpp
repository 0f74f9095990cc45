#include "train/encoder/encoder.h"

namespace amcl {
namespace {

ResNet trained(const EncoderFile& file, Backend& backend) {
  Initializer initializer(backend, /*seed=*/0, DType::f32);
  ResNet network(initializer, file.backbone);
  load_backbone(file, network);
  return network;
}

}  // namespace

Encoder::Encoder(const EncoderFile& file, Backend& backend, DType activations)
    : network_(trained(file, backend), activations), feature_dim_(file.backbone.feature_dim()) {}

}  // namespace amcl
