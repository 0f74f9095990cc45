// The kernels of the seam that the CUDA backend has written itself: all but convolutions and matrix
// products. The device (memory, copies, stream) is left to who derives from it: CudaBackend, and in
// the tests an emulated GPU, so that kernels and launches are tested on machines without one.
//
// One file per section of the seam, as in plain/: elementwise.cu, reduce.cu, pool.cu,
// batch_norm.cu, rows.cu, move.cu, pairwise.cu, optimizer.cu, augment.cu choose the launches;
// kernels/*.cuh compute.
#pragma once
#include "engine/backend/backend.h"
#include "engine/core/check.h"

namespace amcl::cuda {

class OwnKernels : public Backend {
 public:
  void fill(Tensor& y, double value) override;
  void cast(const Tensor& x, Tensor& y) override;
  void affine(const Tensor& x, double scale, double shift, Tensor& y) override;
  void accumulate(const Tensor& x, Tensor& y) override;
  void unary(UnaryOp op, const Tensor& x, Tensor& y) override;
  void unary_backward(UnaryOp op, const Tensor& x, const Tensor& y, const Tensor& dy,
                      Tensor& dx) override;
  void binary(BinaryOp op, const Tensor& a, const Tensor& b, Tensor& y) override;
  void temperature(const Tensor& r, const TemperatureRange& range, Tensor& tau) override;
  void temperature_backward(const Tensor& r, const TemperatureRange& range, const Tensor& dtau,
                            Tensor& dr) override;
  void reduce_rows(Reduction op, const Tensor& x, Tensor& y) override;
  void reduce_columns(Reduction op, const Tensor& x, Tensor& y) override;
  void broadcast_rows(const Tensor& x, double scale, Tensor& y) override;
  void scale_rows(const Tensor& x, const Tensor& s, Tensor& y) override;
  void sum_of_squares(const Tensor& x, Tensor& y) override;
  void max_pool(const Tensor& x, const PoolSpec& spec, Tensor& y, Tensor& argmax) override;
  void max_pool_backward(const Tensor& dy, const Tensor& argmax, const PoolSpec& spec,
                         Tensor& dx) override;
  void global_average_pool(const Tensor& x, Tensor& y) override;
  void global_average_pool_backward(const Tensor& dy, Tensor& dx) override;
  void batch_norm_statistics(const Tensor& x, const BatchNormSpec& spec, Tensor& mean,
                             Tensor& variance) override;
  void batch_norm_update_running(const Tensor& mean, const Tensor& variance, int64_t rows_per_group,
                                 double momentum, Tensor& running_mean,
                                 Tensor& running_variance) override;
  void batch_norm_apply(const Tensor& x, const Tensor& mean, const Tensor& variance,
                        const Tensor& gamma, const Tensor& beta, const Tensor& nullable_residual,
                        const BatchNormSpec& spec, Tensor& y) override;
  void batch_norm_backward_reduce(const Tensor& dy, const Tensor& x, const Tensor& nullable_y,
                                  const Tensor& mean, const Tensor& variance,
                                  const BatchNormSpec& spec, Tensor& sum_g,
                                  Tensor& sum_g_xhat) override;
  void batch_norm_backward_apply(const Tensor& dy, const Tensor& x, const Tensor& nullable_y,
                                 const Tensor& mean, const Tensor& variance, const Tensor& gamma,
                                 const Tensor& nullable_sum_g, const Tensor& nullable_sum_g_xhat,
                                 const BatchNormSpec& spec, Tensor& dx,
                                 Tensor& nullable_dresidual) override;
  void l2_normalize(const Tensor& x, double epsilon, Tensor& u, Tensor& norm) override;
  void l2_normalize_backward(const Tensor& u, const Tensor& norm, double epsilon, const Tensor& du,
                             Tensor& dx) override;
  void row_dot(const Tensor& a, const Tensor& b, Tensor& y) override;
  void log_sum_exp(const Tensor& x, Tensor& y) override;
  void log_sum_exp_backward(const Tensor& x, const Tensor& y, const Tensor& dy,
                            Tensor& dx) override;
  void log_softmax(const Tensor& x, Tensor& y) override;
  void log_softmax_backward(const Tensor& y, const Tensor& dy, Tensor& dx) override;
  void cross_entropy(const Tensor& x, const Tensor& target, Tensor& loss) override;
  void cross_entropy_backward(const Tensor& x, const Tensor& target, const Tensor& dloss,
                              Tensor& dx) override;
  void standardize_columns(const Tensor& x, int64_t ddof, double epsilon, Tensor& xs,
                           Tensor& rstd) override;
  void standardize_columns_backward(const Tensor& xs, const Tensor& rstd, int64_t ddof,
                                    const Tensor& dxs, Tensor& dx) override;
  void transpose(const Tensor& x, Tensor& y) override;
  void roll_rows(const Tensor& x, int64_t shift, Tensor& y) override;
  void gather_rows(const Tensor& x, const Tensor& index, Tensor& y) override;
  void scatter_add_rows(const Tensor& dy, const Tensor& index, Tensor& dx) override;
  void copy_2d(const Tensor& source, const Copy2d& extents, Tensor& destination) override;
  void write_ring(const Tensor& rows, const Tensor& nullable_gate, Tensor& ring,
                  Tensor& head) override;
  void rolled_index(int64_t shift, Tensor& index) override;
  void concat_scores(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2,
                     Tensor& r) override;
  void concat_scores_backward(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& dr,
                              Tensor& da, Tensor& db, Tensor& dw2, Tensor& db2) override;
  void pair_loss(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                 const PairLossSpec& spec, Tensor& loss, Tensor& lse, Tensor& records) override;
  void pair_statistics(const Tensor& records, const PairLossSpec& spec,
                       Tensor& statistics) override;
  void pair_value_statistics(const Tensor& s, const Tensor& tau, const Tensor& nullable_s_all,
                             const Tensor& nullable_tau_all, const TemperatureRange& range,
                             Tensor& statistics) override;
  void pair_loss_backward(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                          const PairLossSpec& spec, const Tensor& lse, const Tensor& dloss,
                          Tensor& ds, Tensor& nullable_dr) override;
  void sgd_step(const SgdSpec& spec, std::span<const OptimizerSegment> segments, const Tensor& rate,
                const Tensor& gradient_scale, const Tensor& gradient, Tensor& value,
                Tensor& velocity) override;
  void lars_step(const LarsSpec& spec, std::span<const OptimizerSegment> segments,
                 const Tensor& rate, const Tensor& gradient_scale, const Tensor& gradient,
                 Tensor& value, Tensor& velocity) override;
  void adamw_step(const AdamWSpec& spec, std::span<const OptimizerSegment> segments,
                  const Tensor& rate, const Tensor& gradient_scale, const Tensor& step,
                  const Tensor& gradient, Tensor& value, Tensor& first_moment,
                  Tensor& second_moment) override;
  void clip_scale(const Tensor& squares, const Tensor& loss, double limit, Tensor& scale) override;
  void moving_average(const Tensor& value, const Tensor& weights, Tensor& shadow) override;
  void augment(const Tensor& images, std::span<const ViewParameters> views,
               const ImageNormalization& normalization, Tensor& y) override;
  void augment_next(const Tensor& images, const Tensor& views,
                    const ImageNormalization& normalization, Tensor& step, Tensor& y) override;

 protected:
  // The stream that every kernel goes to, in order: a cudaStream_t.
  virtual void* stream() = 0;
};

// Throws Error(internal): what a recording of work (Device::capture) cannot hold.
[[noreturn]] inline void refuse_in_capture(const char* what) {
  fail(
      ErrorKind::internal, "device cuda: ", what,
      " inside a captured step, where the host must not take part; do it before or after the step, "
      "or run with --no-capture");
}

}  // namespace amcl::cuda
