// The definition of every kernel: readable loops over f32 and f64 on the host. Slow on purpose; the
// fast backends are tested against it, and `cpu` inherits what it does not override.
//
// One file per section of the seam: elementwise.cpp, reduce.cpp, matmul.cpp, conv.cpp, pool.cpp,
// batch_norm.cpp, rows.cpp, move.cpp, pairwise.cpp (with concat_scores.cpp), optimizer.cpp,
// augment.cpp.
#pragma once
#include "engine/backend/backend.h"

namespace amcl {

class PlainBackend : public Backend {
 public:
  const char* name() const override { return "plain"; }
  Allocator& allocator() override { return allocator_; }
  void copy_from_host(void* destination, const void* source, size_t bytes) override;
  void copy_to_host(void* destination, const void* source, size_t bytes) override;
  void copy(void* destination, const void* source, size_t bytes) override;
  void fill_zero(void* destination, size_t bytes) override;
  void synchronize() override {}

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
  void matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) override;
  void conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) override;
  void conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) override;
  void conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) override;
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

 private:
  HostAllocator allocator_;
};

}  // namespace amcl
