// A trained encoder, apart from how it was trained: images in, features out.
#pragma once
#include <memory>

#include "engine/backend/backend.h"
#include "models/resnet.h"
#include "train/encoder/encoder_file.h"

namespace amcl {

class Encoder {
 public:
  // The network of the file on `backend`, which outlives it. Throws as load_backbone.
  Encoder(const EncoderFile& file, Backend& backend);

  // Features [N, D] f32 of normalised images [N, H, W, 3], by the running statistics of batch norm.
  Tensor features(const Tensor& images);
  int64_t feature_dim() const { return network_.feature_dim(); }

 private:
  ResNet network_;
};

}  // namespace amcl
