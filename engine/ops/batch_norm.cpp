//   y = [relu] (gamma xhat + beta [+ residual]),   xhat = (x - mean) rstd           per channel
//
//   x, y, residual  [..., C]   rank 2 to 4, activation type
//   gamma, beta     [C]        statistics type (f64 when x is f64, else f32)
//   mean, variance  [G, C]     of the n rows of each of G contiguous groups of x; biased variance
//   rstd            [G, C]     1 / sqrt(variance + epsilon)
//
// Phase::eval takes mean and variance from the running statistics instead (G = 1).
//
// Heads side by side, x [B, M, C] with gamma and beta [B, C], are B batch norms of [M, C]: the
// kernels run head by head on views, with mean and variance [B G, C].
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

// Whether each head of x [B, M, C] has a gamma, beta and statistics of its own.
bool is_stacked(const Tensor& x, const Tensor& gamma) {
  return x.rank() == 3 && gamma.rank() == 2;
}

void check_per_channel(const char* name, const Tensor& value, const Tensor& x, bool stacked) {
  check_floating("batch_norm", name, value);
  const Shape per_channel = stacked ? Shape{x.dim(0), x.dim(2)} : Shape{x.shape().back()};
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
  const bool stacked = is_stacked(x, gamma);
  check_per_channel("gamma", gamma, x, stacked);
  check_per_channel("beta", beta, x, stacked);
  if (phase == Phase::eval || running.update) {
    check_per_channel("the running mean", running.mean, x, stacked);
    check_per_channel("the running variance", running.variance, x, stacked);
  }
  if (nullable_residual.defined()) {
    AMCL_CHECK(nullable_residual.shape() == x.shape(),
               "batch_norm: the residual must be shaped as x ", x.shape(), ", got ",
               nullable_residual.shape());
    check_same_kind("batch_norm", "x", x, "the residual", nullable_residual);
  }
  if (phase == Phase::eval) return;
  const int axis = stacked ? 1 : 0;
  AMCL_CHECK(spec.groups >= 1 && x.dim(axis) % spec.groups == 0, "batch_norm: the ", x.dim(axis),
             " entries of axis ", axis, " of x ", x.shape(), " cannot be split into ", spec.groups,
             " equal groups");
  const int64_t group_rows = (stacked ? x.dim(1) : x.shape().rows()) / spec.groups;
  AMCL_CHECK(group_rows >= 2, "batch_norm: each group needs at least 2 values per channel, x is ",
             x.shape(), " in groups of ", group_rows);
}

// Views of what belongs to one head, or to all of x where nothing is stacked. Empty handles stay
// empty.
struct HeadViews {
  bool stacked;
  int64_t heads;
  int64_t head;

  Tensor rows(const Tensor& x) const {  // [B, M, C] -> [M, C]
    return stacked && x.defined() ? x.slice(head, head + 1).view({x.dim(1), x.dim(2)}) : x;
  }
  Tensor groups(const Tensor& statistic) const {  // [B G, C] -> [G, C]
    if (!stacked || !statistic.defined()) return statistic;
    const int64_t count = statistic.dim(0) / heads;
    return statistic.slice(head * count, (head + 1) * count);
  }
  Tensor channels(const Tensor& value) const {  // [B, C] -> [C]
    return stacked ? value.slice(head, head + 1).view({value.dim(1)}) : value;
  }
};

// Calls body(views) for each head.
template <class Body>
void for_each_head(const Tensor& x, const Tensor& gamma, const Body& body) {
  const bool stacked = is_stacked(x, gamma);
  const int64_t heads = stacked ? x.dim(0) : 1;
  for (int64_t head = 0; head < heads; ++head) body(HeadViews{stacked, heads, head});
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

// A sum of each group [B G, C] or [G, C], over the groups into dvalue [B, C] or [C].
void sum_over_groups(const Tensor& sum, const Tensor& gamma, Tensor& dvalue) {
  const bool stacked = gamma.rank() == 2;
  backend_of(sum).reduce_columns(
      Reduction::sum,
      stacked ? sum.view({gamma.dim(0), sum.dim(0) / gamma.dim(0), gamma.dim(1)}) : sum, dvalue);
}

void backward(const Saved& saved, const Tensor& dy, Grads& grads) {
  const KernelCalls backend = backend_of(dy);
  Tensor sum_g = Tensor::empty_like(saved.mean);
  Tensor sum_g_xhat = Tensor::empty_like(saved.mean);
  for_each_head(saved.x, saved.gamma, [&](const HeadViews& of) {
    Tensor sums = of.groups(sum_g);
    Tensor sums_xhat = of.groups(sum_g_xhat);
    backend.batch_norm_backward_reduce(of.rows(dy), of.rows(saved.x), of.rows(saved.y),
                                       of.groups(saved.mean), of.groups(saved.variance), saved.spec,
                                       sums, sums_xhat);
  });
  if (grads.wants(1)) sum_over_groups(sum_g_xhat, saved.gamma, grads.out(1));
  if (grads.wants(2)) sum_over_groups(sum_g, saved.gamma, grads.out(2));

  const bool masked_residual = grads.wants(3) && saved.spec.relu;
  if (grads.wants(3) && !masked_residual) grads.pass(3, dy);
  if (!grads.wants(0) && !masked_residual) return;
  const bool through_statistics = saved.phase == Phase::train;
  const Tensor dx = grads.wants(0) ? grads.out(0) : Tensor::empty_like(saved.x);
  const Tensor dresidual = masked_residual ? grads.out(3) : Tensor{};
  for_each_head(saved.x, saved.gamma, [&](const HeadViews& of) {
    Tensor dx_rows = of.rows(dx);
    Tensor dresidual_rows = of.rows(dresidual);
    backend.batch_norm_backward_apply(
        of.rows(dy), of.rows(saved.x), of.rows(saved.y), of.groups(saved.mean),
        of.groups(saved.variance), of.channels(saved.gamma),
        through_statistics ? of.groups(sum_g) : Tensor{},
        through_statistics ? of.groups(sum_g_xhat) : Tensor{}, saved.spec, dx_rows, dresidual_rows);
  });
}

// Fills mean and variance of `saved` from x, and moves the running ones if they are to be updated.
void measure_statistics(Saved& saved, RunningStatistics& running) {
  const KernelCalls backend = backend_of(saved.x);
  const int64_t heads = is_stacked(saved.x, saved.gamma) ? saved.x.dim(0) : 1;
  saved.mean = Tensor::empty(saved.x.device(), {heads * saved.spec.groups, saved.x.shape().back()},
                             saved.gamma.dtype());
  saved.variance = Tensor::empty_like(saved.mean);
  for_each_head(saved.x, saved.gamma, [&](const HeadViews& of) {
    const Tensor rows = of.rows(saved.x);
    Tensor mean = of.groups(saved.mean);
    Tensor variance = of.groups(saved.variance);
    backend.batch_norm_statistics(rows, saved.spec, mean, variance);
    if (!running.update) return;
    Tensor running_mean = of.channels(running.mean);
    Tensor running_variance = of.channels(running.variance);
    backend.batch_norm_update_running(mean, variance, rows.shape().rows() / saved.spec.groups,
                                      running.momentum, running_mean, running_variance);
  });
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  RunningStatistics& running, Phase phase, const BatchNormSpec& spec,
                  const Tensor& nullable_residual) {
  check_inputs(x, gamma, beta, running, phase, spec, nullable_residual);
  Saved saved{.x = x, .gamma = gamma, .spec = spec, .phase = phase};
  if (phase == Phase::train) {
    measure_statistics(saved, running);
  } else {
    saved.spec.groups = 1;
    const Shape statistic{gamma.rank() == 2 ? gamma.dim(0) : 1, x.shape().back()};
    saved.mean = running.mean.view(statistic);
    saved.variance = running.variance.view(statistic);
  }
  const Tensor y = Tensor::empty_like(x);
  for_each_head(x, gamma, [&](const HeadViews& of) {
    Tensor y_rows = of.rows(y);
    backend_of(x).batch_norm_apply(of.rows(x), of.groups(saved.mean), of.groups(saved.variance),
                                   of.channels(gamma), of.channels(beta),
                                   of.rows(nullable_residual), saved.spec, y_rows);
  });
  if (spec.relu) saved.y = y;
  return tape::record("batch_norm", {x, gamma, beta, nullable_residual}, y,
                      [saved](const Tensor& dy, Grads& grads) { backward(saved, dy, grads); });
}

}  // namespace amcl
