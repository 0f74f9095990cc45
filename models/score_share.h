// The share of the scores that counts while adaptive temperatures warm up: at 0 every temperature is
// the one of score 0, at 1 it is the score's own (spec S3.2).
#pragma once
#include "engine/ops/ops.h"

namespace amcl {

// One number in device memory, so that a recorded step reads what the host has written since.
class ScoreShare {
 public:
  // `like` says where it lies and in which type; always the same.
  void set(double share, const Tensor& like) {
    if (!value_.defined()) value_ = Tensor::empty(like.device(), {1}, like.dtype());
    value_.assign<double>({&share, 1});
  }
  // Weights that the scores are linear in, times the share; the weights themselves while it was
  // never set.
  Tensor of(const Tensor& weights) const {
    return value_.defined() ? multiply(weights, value_) : weights;
  }

 private:
  Tensor value_;
};

}  // namespace amcl
