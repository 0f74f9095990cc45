// The encoder of MoCo's keys and of BYOL's targets: backbone and heads whose parameters are a moving
// average of those of the trained encoder; its batch-norm statistics are its own (He, Fan, Wu, Xie,
// Girshick, CVPR 2020, section 3.2; spec S2.2, S2.5).
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

  // Projections [C, M, d] of images [M, H, W, 3], never on the tape.
  Tensor forward(const Tensor& images, const ForwardContext& context);
  // From 0 to 1; a copy from the host, to be made before the first follow().
  void set_momentum(double momentum);
  // value <- that of the trained encoder.
  void copy(ResNet& backbone, ProjectionHead& projector);
  // value <- momentum value + (1 - momentum) that of the trained encoder.
  void follow(ResNet& backbone, ProjectionHead& projector);
  // All of it as buffers, under the names of the trained encoder after the prefix.
  void visit(const std::string& prefix, const ModuleVisitor& visitor);

 private:
  ResNet backbone_;
  ProjectionHead projector_;
  Tensor weights_;  // [2]: momentum, 1 - momentum
};

}  // namespace amcl
