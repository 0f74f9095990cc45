// The projection heads (Chen, Kornblith, Norouzi, Hinton, "A simple framework for contrastive
// learning of visual representations", ICML 2020, section 4.2): C heads linear - relu - linear,
// without batch norm, side by side as one batched computation.
#pragma once
#include <cstdint>
#include <string>

#include "engine/nn/layers.h"

namespace amcl {

class ProjectionHead {
 public:
  // `hidden` = 0: as wide as the features. Throws Error(usage) for heads, hidden or dim out of
  // range.
  ProjectionHead(Initializer& initializer, int64_t heads, int64_t feature_dim, int64_t hidden,
                 int64_t dim);

  Tensor forward(const Tensor& features);  // [M, D] -> [C, M, d]
  // Names: prefix.*.0.weight, prefix.*.2.weight and their biases (see Parameter::stacked).
  void visit(const std::string& prefix, const ModuleVisitor& visitor);

 private:
  Linear hidden_;  // weight [C, hidden, D]
  Linear output_;  // weight [C, d, hidden]
};

}  // namespace amcl
