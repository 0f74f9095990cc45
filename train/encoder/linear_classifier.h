// The classifier of a fine-tuned encoder: features in, logits out.
#pragma once
#include "engine/backend/backend.h"
#include "train/encoder/encoder_file.h"

namespace amcl {

class LinearClassifier {
 public:
  // On `backend`, which outlives it. Error(data) for a file without one, which says how to train it.
  LinearClassifier(const EncoderFile& file, Backend& backend);

  // Logits [N, K] of features [N, D].
  Tensor logits(const Tensor& features) const;
  int64_t classes() const { return bias_.dim(0); }

 private:
  Tensor weight_;  // [K, D]
  Tensor bias_;    // [K]
};

}  // namespace amcl
