#include "train/encoder/linear_classifier.h"

#include "engine/ops/ops.h"

namespace amcl {

LinearClassifier::LinearClassifier(const EncoderFile& file, Backend& backend) {
  if (!file.classifier)
    fail(ErrorKind::data, file.path,
         ": holds no classifier; amcl finetune trains one on it, with labelled images");
  const auto& [weight, bias] = *file.classifier;
  weight_ = Tensor::from_host<float>(backend, Shape(weight.shape), weight.values<float>());
  bias_ = Tensor::from_host<float>(backend, Shape(bias.shape), bias.values<float>());
}

Tensor LinearClassifier::logits(const Tensor& features) const {
  return linear(features, weight_, bias_);
}

}  // namespace amcl
