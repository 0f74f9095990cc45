// The encoder of MoCo's keys: backbone and heads whose parameters are a moving average of those of
// the trained encoder; its batch-norm statistics are its own (He, Fan, Wu, Xie, Girshick, CVPR 2020,
// section 3.2; spec S2.2).
#pragma once
#include <cstdint>
#include <string>

#include "models/projection_head.h"
#include "models/resnet.h"

namespace amcl {

class MomentumEncoder {
 public:
  // `initializer` as the one that the trained encoder started with: the two then begin equal.
  MomentumEncoder(Initializer initializer, const ResNetOptions& backbone,
                  const ProjectionHeadOptions& projector);

  // Keys [C, M, d] of images [M, H, W, 3], never on the tape.
  Tensor forward(const Tensor& images, const ForwardContext& context);
  // value <- momentum value + (1 - momentum) that of the trained encoder.
  void follow(ResNet& backbone, ProjectionHead& projector, double momentum);
  // All of it as buffers, under the names of the trained encoder after the prefix.
  void visit(const std::string& prefix, const ModuleVisitor& visitor);

 private:
  ResNet backbone_;
  ProjectionHead projector_;
};

}  // namespace amcl
