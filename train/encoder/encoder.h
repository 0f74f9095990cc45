// A trained encoder, apart from how it was trained: images in, features out.
#pragma once
#include "engine/backend/backend.h"
#include "models/inference_resnet.h"
#include "train/encoder/encoder_file.h"

namespace amcl {

class Encoder {
 public:
  // The network of the file on `backend`, which outlives it, with activations in f32 or bf16. Throws as
  // load_backbone and fold.
  Encoder(const EncoderFile& file, Backend& backend, DType activations);

  // Features [N, D] f32 of normalised images [N, H, W, 3], by the running statistics of batch norm.
  Tensor features(const Tensor& images) const { return network_.forward(images); }
  int64_t feature_dim() const { return feature_dim_; }

 private:
  InferenceResNet network_;
  int64_t feature_dim_;
};

}  // namespace amcl
