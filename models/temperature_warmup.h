// The warm-up of adaptive temperatures: a share of the scores counts, from 0, where every temperature is that of
// score 0, to 1, where it is the score's own (spec S3.2).
#pragma once
#include "engine/ops/ops.h"

namespace amcl {

// One number in device memory, so that a recorded step reads what the host has written since.
class TemperatureWarmup {
 public:
  // `like` says where it lies and in which type; always the same.
  void set(double share, const Tensor& like) {
    if (!value_.defined()) value_ = Tensor::empty(like.device(), {1}, like.dtype());
    value_.assign<double>({&share, 1});
  }
  // Weights that the scores are linear in, times the share; the weights themselves while it was
  // never set.
  Tensor applied_to(const Tensor& weights) const {
    return value_.defined() ? multiply(weights, value_) : weights;
  }

 private:
  Tensor value_;
};

}  // namespace amcl
