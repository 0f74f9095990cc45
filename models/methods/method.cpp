#include "models/methods/method.h"

#include <utility>

namespace amcl {

Method::Method(Backend& backend, uint64_t seed, DType dtype, const ResNetOptions& backbone,
               std::string objective_name)
    : initializer_(backend, seed, dtype),
      backbone_(initializer_, backbone),
      objective_name_(std::move(objective_name)) {}

Projections Method::project(const Tensor& images, const ForwardContext& context) {
  return {head(encode(images, context), context)};
}

Tensor Method::encode(const Tensor& images, const ForwardContext& context) {
  Tensor features = backbone_.forward(images, context);
  projected_features_ = tape::detach(features);
  return features;
}

}  // namespace amcl
