//   y = [relu] (gamma xhat + beta [+ residual]),   xhat = (x - mean) rstd           per channel
//
//   x, y, residual  [..., C]   rank 2 to 4, activation type
//   gamma, beta     [C]        statistics type (f64 when x is f64, else f32)
//   mean, variance  [G, C]     of the n rows of each of G contiguous groups of x; biased variance
//   rstd            [G, C]     1 / sqrt(variance + epsilon)
//
// Phase::eval takes mean and variance from the running statistics instead (G = 1).
//
// Backward. Let g = dy (where y > 0, else 0, with relu); sums run over the n rows of a group.
//   dbeta     = sum g             summed over the groups
//   dgamma    = sum g xhat        summed over the groups
//   dresidual = g
//   dx        = gamma rstd (g - sum g / n - xhat (sum g xhat) / n)        train
//   dx        = gamma rstd g                                              eval
// The two subtracted terms are the paths through mean and variance. Without them a network still
// trains, only worse, so the gradient test is what protects this file.
//
// Why relu and the residual are inside: the steps apart read and write the activations three times,
// and this op is bound by memory. y is saved only with relu, as its mask; the next convolution
// keeps it alive anyway. The kernels come in two phases each way so that the statistics can be
// summed over devices in between.
#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

void check_per_channel(const char* name, const Tensor& value, const Tensor& x) {
  check_floating("batch_norm", name, value);
  const Shape per_channel{x.shape().back()};
  AMCL_CHECK(value.shape() == per_channel, "batch_norm: ", name, " must be ", per_channel,
             " to match x ", x.shape(), ", got ", value.shape());
  AMCL_CHECK(value.dtype() == stat_dtype(x.dtype()), "batch_norm: x ", x.shape(), " is ", x.dtype(),
             ", so ", name, " must be ", stat_dtype(x.dtype()), ", got ", value.dtype());
}

void check_inputs(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  const RunningStatistics& running, Phase phase, const BatchNormSpec& spec,
                  const Tensor& nullable_residual) {
  check_floating("batch_norm", "x", x);
  AMCL_CHECK(x.rank() >= 2 && x.rank() <= 4, "batch_norm: x must be [..., C] of rank 2 to 4, got ",
             x.shape());
  check_per_channel("gamma", gamma, x);
  check_per_channel("beta", beta, x);
  if (phase == Phase::eval || running.update) {
    check_per_channel("the running mean", running.mean, x);
    check_per_channel("the running variance", running.variance, x);
  }
  if (nullable_residual.defined()) {
    AMCL_CHECK(nullable_residual.shape() == x.shape(),
               "batch_norm: the residual must be shaped as x ", x.shape(), ", got ",
               nullable_residual.shape());
    check_same_kind("batch_norm", "x", x, "the residual", nullable_residual);
  }
  if (phase == Phase::eval) return;
  AMCL_CHECK(spec.groups >= 1 && x.dim(0) % spec.groups == 0, "batch_norm: the ", x.dim(0),
             " entries of axis 0 of x ", x.shape(), " cannot be split into ", spec.groups,
             " equal groups");
  AMCL_CHECK(x.shape().rows() / spec.groups >= 2,
             "batch_norm: each group needs at least 2 values per channel, x is ", x.shape(),
             " in groups of ", x.shape().rows() / spec.groups);
}

// What the backward pass needs besides dy.
struct Saved {
  Tensor x;
  Tensor gamma;
  BatchNormSpec spec;
  Phase phase = Phase::train;
  Tensor mean = {};
  Tensor variance = {};
  Tensor y = {};  // with relu only
};

void backward(const Saved& saved, const Tensor& dy, Grads& grads) {
  Backend& backend = backend_of(dy);
  Tensor sum_g = Tensor::empty_like(saved.mean);
  Tensor sum_g_xhat = Tensor::empty_like(saved.mean);
  backend.batch_norm_backward_reduce(dy, saved.x, saved.y, saved.mean, saved.variance, saved.spec,
                                     sum_g, sum_g_xhat);
  if (grads.wants(1)) backend.reduce_columns(Reduction::sum, sum_g_xhat, grads.out(1));
  if (grads.wants(2)) backend.reduce_columns(Reduction::sum, sum_g, grads.out(2));

  const bool masked_residual = grads.wants(3) && saved.spec.relu;
  if (grads.wants(3) && !masked_residual) grads.pass(3, dy);
  if (!grads.wants(0) && !masked_residual) return;
  const bool through_statistics = saved.phase == Phase::train;
  Tensor dx = grads.wants(0) ? grads.out(0) : Tensor::empty_like(saved.x);
  Tensor dresidual = masked_residual ? grads.out(3) : Tensor{};
  backend.batch_norm_backward_apply(dy, saved.x, saved.y, saved.mean, saved.variance, saved.gamma,
                                    through_statistics ? sum_g : Tensor{},
                                    through_statistics ? sum_g_xhat : Tensor{}, saved.spec, dx,
                                    dresidual);
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  RunningStatistics& running, Phase phase, const BatchNormSpec& spec,
                  const Tensor& nullable_residual) {
  check_inputs(x, gamma, beta, running, phase, spec, nullable_residual);
  Backend& backend = backend_of(x);
  const int64_t channels = x.shape().back();

  Saved saved{.x = x, .gamma = gamma, .spec = spec, .phase = phase};
  if (phase == Phase::train) {
    saved.mean = Tensor::empty(x.device(), {spec.groups, channels}, gamma.dtype());
    saved.variance = Tensor::empty_like(saved.mean);
    backend.batch_norm_statistics(x, spec, saved.mean, saved.variance);
    if (running.update)
      backend.batch_norm_update_running(saved.mean, saved.variance, x.shape().rows() / spec.groups,
                                        running.momentum, running.mean, running.variance);
  } else {
    saved.spec.groups = 1;
    saved.mean = running.mean.view({1, channels});
    saved.variance = running.variance.view({1, channels});
  }
  Tensor y = Tensor::empty_like(x);
  backend.batch_norm_apply(x, saved.mean, saved.variance, gamma, beta, nullable_residual,
                           saved.spec, y);
  if (spec.relu) saved.y = y;
  return tape::record("batch_norm", {x, gamma, beta, nullable_residual}, y,
                      [saved](const Tensor& dy, Grads& grads) { backward(saved, dy, grads); });
}

}  // namespace amcl
