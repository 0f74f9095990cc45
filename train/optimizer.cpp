#include "train/optimizer.h"

#include <cmath>

namespace amcl {
namespace {

bool decays(ParameterRole role, bool decay_norm_bias) {
  switch (role) {
    case ParameterRole::weight:
    case ParameterRole::temperature:
      return true;
    case ParameterRole::bias:
    case ParameterRole::norm:
      return decay_norm_bias;
  }
  return true;
}

}  // namespace

SgdOptimizer::SgdOptimizer(ParameterArena& arena, const SgdOptions& options)
    : arena_(arena), options_(options) {
  // Neighbours that are treated alike become one segment, gaps included: they are zeros and stay
  // zeros. Without an exception from decay the whole model is one segment.
  for (const ParameterArena::Entry& entry : arena.entries()) {
    const double decay =
        decays(entry.parameter->role, options.decay_norm_bias) ? options.weight_decay : 0.0;
    if (!segments_.empty() && segments_.back().weight_decay == decay)
      segments_.back().end = entry.end;
    else
      segments_.push_back({.begin = entry.begin, .end = entry.end, .weight_decay = decay});
  }
  const Tensor& values = arena.values();
  velocity_ = Tensor::zeros(values.device(), values.shape(), values.dtype());
  rate_ = Tensor::zeros(values.device(), Shape{1}, values.dtype());
  squares_ = Tensor::zeros(values.device(), Shape{1}, values.dtype());
  gradient_scale_ = Tensor::empty(values.device(), Shape{1}, values.dtype());
  backend_of(values).fill(gradient_scale_, 1.0);
}

double SgdOptimizer::measure_gradient_norm() {
  backend_of(squares_).sum_of_squares(arena_.gradients(), squares_);
  return std::sqrt(squares_.item());
}

void SgdOptimizer::step(double rate) {
  Backend& backend = backend_of(rate_);
  backend.fill(rate_, rate);
  if (options_.clip_norm > 0.0) backend.clip_scale(squares_, options_.clip_norm, gradient_scale_);
  backend.sgd_step({.momentum = options_.momentum}, segments_, rate_, gradient_scale_,
                   arena_.gradients(), arena_.values(), velocity_);
}

}  // namespace amcl
