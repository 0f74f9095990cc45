#include "engine/backend/profiled_backend.h"

#include <algorithm>
#include <chrono>
#include <type_traits>

#include "engine/core/check.h"

namespace amcl {
namespace {

using Clock = std::chrono::steady_clock;

template <class Argument>
double bytes_of(const Argument& argument) {
  if constexpr (std::is_same_v<Argument, Tensor>)
    return argument.defined() ? static_cast<double>(argument.bytes()) : 0.0;
  else
    return 0.0;
}

// "3x3/2 64->128 of 16x16": window, stride, channels, extent of the output.
std::string describe_convolution(const Tensor& w, const Tensor& y, const Conv2dSpec& spec) {
  return concat_text(w.dim(1), 'x', w.dim(2), '/', spec.stride, ' ', w.dim(3), "->", w.dim(0),
                     " of ", y.dim(1), 'x', y.dim(2));
}

double convolution_flops(const Tensor& w, const Tensor& y) {
  return 2.0 * static_cast<double>(w.count()) * static_cast<double>(y.count() / w.dim(0));
}

class ProfiledBackend final : public Backend {
 public:
  ProfiledBackend(std::unique_ptr<Backend> backend, KernelProfile& profile)
      : backend_(std::move(backend)), profile_(profile) {}

  const char* name() const override { return backend_->name(); }
  std::string reason_against(DType dtype) const override { return backend_->reason_against(dtype); }
  Allocator& allocator() override { return backend_->allocator(); }
  void copy_from_host(void* destination, const void* source, size_t bytes) override {
    backend_->copy_from_host(destination, source, bytes);
  }
  void copy_to_host(void* destination, const void* source, size_t bytes) override {
    backend_->copy_to_host(destination, source, bytes);
  }
  void copy(void* destination, const void* source, size_t bytes) override {
    backend_->copy(destination, source, bytes);
  }
  void fill_zero(void* destination, size_t bytes) override {
    backend_->fill_zero(destination, bytes);
  }
  void synchronize() override { backend_->synchronize(); }
  std::optional<int64_t> free_memory() override { return backend_->free_memory(); }
  std::unique_ptr<Upload> open_upload() override { return backend_->open_upload(); }
  std::shared_ptr<void> pin(void* block, size_t bytes) override {
    return backend_->pin(block, bytes);
  }
  std::unique_ptr<PendingRead> read_later(const void* source, size_t count) override {
    return backend_->read_later(source, count);
  }
  bool is_asynchronous() const override { return backend_->is_asynchronous(); }
  // A profile waits for each kernel, which a recording cannot.
  bool can_capture() const override { return profile_.paused() && backend_->can_capture(); }
  std::unique_ptr<CapturedWork> capture(const std::function<void()>& work) override {
    return backend_->capture(work);
  }

  void matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) override {
    const int64_t m = c.dim(-2);
    const int64_t n = c.dim(-1);
    const int64_t k = spec.trans_a ? a.dim(-2) : a.dim(-1);
    const int64_t batches = a.rank() == 3 ? a.dim(0) : b.rank() == 3 ? b.dim(0) : 1;
    run(&Backend::matmul,
        {.name = "matmul",
         .detail = concat_text(batches, " of ", m, 'x', n, 'x', k, spec.trans_a ? " T" : " N",
                               spec.trans_b ? "T" : "N"),
         .flops = 2.0 * static_cast<double>(batches * m * n * k)},
        a, b, spec, c);
  }
  void conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) override {
    run(&Backend::conv2d,
        {.name = "conv2d",
         .detail = describe_convolution(w, y, spec),
         .flops = convolution_flops(w, y)},
        x, w, spec, y);
  }
  void conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) override {
    run(&Backend::conv2d_dx,
        {.name = "conv2d_dx",
         .detail = describe_convolution(w, dy, spec),
         .flops = convolution_flops(w, dy)},
        dy, w, spec, dx);
  }
  void conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) override {
    run(&Backend::conv2d_dw,
        {.name = "conv2d_dw",
         .detail = describe_convolution(dw, dy, spec),
         .flops = convolution_flops(dw, dy)},
        x, dy, spec, dw);
  }

  void fill(Tensor& y, double value) override { run(&Backend::fill, {"fill"}, y, value); }
  void cast(const Tensor& x, Tensor& y) override { run(&Backend::cast, {"cast"}, x, y); }
  void affine(const Tensor& x, double scale, double shift, Tensor& y) override {
    run(&Backend::affine, {"affine"}, x, scale, shift, y);
  }
  void accumulate(const Tensor& x, Tensor& y) override {
    run(&Backend::accumulate, {"accumulate"}, x, y);
  }
  void unary(UnaryOp op, const Tensor& x, Tensor& y) override {
    run(&Backend::unary, {"unary"}, op, x, y);
  }
  void unary_backward(UnaryOp op, const Tensor& x, const Tensor& y, const Tensor& dy,
                      Tensor& dx) override {
    run(&Backend::unary_backward, {"unary_backward"}, op, x, y, dy, dx);
  }
  void binary(BinaryOp op, const Tensor& a, const Tensor& b, Tensor& y) override {
    run(&Backend::binary, {"binary"}, op, a, b, y);
  }
  void temperature(const Tensor& r, const TemperatureRange& range, Tensor& tau) override {
    run(&Backend::temperature, {"temperature"}, r, range, tau);
  }
  void temperature_backward(const Tensor& r, const TemperatureRange& range, const Tensor& dtau,
                            Tensor& dr) override {
    run(&Backend::temperature_backward, {"temperature_backward"}, r, range, dtau, dr);
  }
  void reduce_rows(Reduction op, const Tensor& x, Tensor& y) override {
    run(&Backend::reduce_rows, {"reduce_rows"}, op, x, y);
  }
  void reduce_columns(Reduction op, const Tensor& x, Tensor& y) override {
    run(&Backend::reduce_columns, {"reduce_columns"}, op, x, y);
  }
  void broadcast_rows(const Tensor& x, double scale, Tensor& y) override {
    run(&Backend::broadcast_rows, {"broadcast_rows"}, x, scale, y);
  }
  void scale_rows(const Tensor& x, const Tensor& s, Tensor& y) override {
    run(&Backend::scale_rows, {"scale_rows"}, x, s, y);
  }
  void sum_of_squares(const Tensor& x, Tensor& y) override {
    run(&Backend::sum_of_squares, {"sum_of_squares"}, x, y);
  }
  void max_pool(const Tensor& x, const PoolSpec& spec, Tensor& y, Tensor& argmax) override {
    run(&Backend::max_pool, {"max_pool"}, x, spec, y, argmax);
  }
  void max_pool_backward(const Tensor& dy, const Tensor& argmax, const PoolSpec& spec,
                         Tensor& dx) override {
    run(&Backend::max_pool_backward, {"max_pool_backward"}, dy, argmax, spec, dx);
  }
  void global_average_pool(const Tensor& x, Tensor& y) override {
    run(&Backend::global_average_pool, {"global_average_pool"}, x, y);
  }
  void global_average_pool_backward(const Tensor& dy, Tensor& dx) override {
    run(&Backend::global_average_pool_backward, {"global_average_pool_backward"}, dy, dx);
  }
  void batch_norm_statistics(const Tensor& x, const BatchNormSpec& spec, Tensor& mean,
                             Tensor& variance) override {
    run(&Backend::batch_norm_statistics, {"batch_norm_statistics"}, x, spec, mean, variance);
  }
  void batch_norm_update_running(const Tensor& mean, const Tensor& variance, int64_t rows_per_group,
                                 double momentum, Tensor& running_mean,
                                 Tensor& running_variance) override {
    run(&Backend::batch_norm_update_running, {"batch_norm_update_running"}, mean, variance,
        rows_per_group, momentum, running_mean, running_variance);
  }
  void batch_norm_apply(const Tensor& x, const Tensor& mean, const Tensor& variance,
                        const Tensor& gamma, const Tensor& beta, const Tensor& nullable_residual,
                        const BatchNormSpec& spec, Tensor& y) override {
    run(&Backend::batch_norm_apply, {"batch_norm_apply"}, x, mean, variance, gamma, beta,
        nullable_residual, spec, y);
  }
  void batch_norm_backward_reduce(const Tensor& dy, const Tensor& x, const Tensor& nullable_y,
                                  const Tensor& mean, const Tensor& variance,
                                  const BatchNormSpec& spec, Tensor& sum_g,
                                  Tensor& sum_g_xhat) override {
    run(&Backend::batch_norm_backward_reduce, {"batch_norm_backward_reduce"}, dy, x, nullable_y,
        mean, variance, spec, sum_g, sum_g_xhat);
  }
  void batch_norm_backward_apply(const Tensor& dy, const Tensor& x, const Tensor& nullable_y,
                                 const Tensor& mean, const Tensor& variance, const Tensor& gamma,
                                 const Tensor& nullable_sum_g, const Tensor& nullable_sum_g_xhat,
                                 const BatchNormSpec& spec, Tensor& dx,
                                 Tensor& nullable_dresidual) override {
    run(&Backend::batch_norm_backward_apply, {"batch_norm_backward_apply"}, dy, x, nullable_y, mean,
        variance, gamma, nullable_sum_g, nullable_sum_g_xhat, spec, dx, nullable_dresidual);
  }
  void l2_normalize(const Tensor& x, double epsilon, Tensor& u, Tensor& norm) override {
    run(&Backend::l2_normalize, {"l2_normalize"}, x, epsilon, u, norm);
  }
  void l2_normalize_backward(const Tensor& u, const Tensor& norm, double epsilon, const Tensor& du,
                             Tensor& dx) override {
    run(&Backend::l2_normalize_backward, {"l2_normalize_backward"}, u, norm, epsilon, du, dx);
  }
  void row_dot(const Tensor& a, const Tensor& b, Tensor& y) override {
    run(&Backend::row_dot, {"row_dot"}, a, b, y);
  }
  void log_sum_exp(const Tensor& x, Tensor& y) override {
    run(&Backend::log_sum_exp, {"log_sum_exp"}, x, y);
  }
  void log_sum_exp_backward(const Tensor& x, const Tensor& y, const Tensor& dy,
                            Tensor& dx) override {
    run(&Backend::log_sum_exp_backward, {"log_sum_exp_backward"}, x, y, dy, dx);
  }
  void log_softmax(const Tensor& x, Tensor& y) override {
    run(&Backend::log_softmax, {"log_softmax"}, x, y);
  }
  void log_softmax_backward(const Tensor& y, const Tensor& dy, Tensor& dx) override {
    run(&Backend::log_softmax_backward, {"log_softmax_backward"}, y, dy, dx);
  }
  void cross_entropy(const Tensor& x, const Tensor& target, Tensor& loss) override {
    run(&Backend::cross_entropy, {"cross_entropy"}, x, target, loss);
  }
  void cross_entropy_backward(const Tensor& x, const Tensor& target, const Tensor& dloss,
                              Tensor& dx) override {
    run(&Backend::cross_entropy_backward, {"cross_entropy_backward"}, x, target, dloss, dx);
  }
  void standardize_columns(const Tensor& x, int64_t ddof, double epsilon, Tensor& xs,
                           Tensor& rstd) override {
    run(&Backend::standardize_columns, {"standardize_columns"}, x, ddof, epsilon, xs, rstd);
  }
  void standardize_columns_backward(const Tensor& xs, const Tensor& rstd, int64_t ddof,
                                    const Tensor& dxs, Tensor& dx) override {
    run(&Backend::standardize_columns_backward, {"standardize_columns_backward"}, xs, rstd, ddof,
        dxs, dx);
  }
  void transpose(const Tensor& x, Tensor& y) override {
    run(&Backend::transpose, {"transpose"}, x, y);
  }
  void roll_rows(const Tensor& x, int64_t shift, Tensor& y) override {
    run(&Backend::roll_rows, {"roll_rows"}, x, shift, y);
  }
  void gather_rows(const Tensor& x, const Tensor& index, Tensor& y) override {
    run(&Backend::gather_rows, {"gather_rows"}, x, index, y);
  }
  void scatter_add_rows(const Tensor& dy, const Tensor& index, Tensor& dx) override {
    run(&Backend::scatter_add_rows, {"scatter_add_rows"}, dy, index, dx);
  }
  void copy_2d(const Tensor& source, const Copy2d& extents, Tensor& destination) override {
    run(&Backend::copy_2d, {"copy_2d"}, source, extents, destination);
  }
  void write_ring(const Tensor& rows, const Tensor& nullable_gate, Tensor& ring,
                  Tensor& head) override {
    run(&Backend::write_ring, {"write_ring"}, rows, nullable_gate, ring, head);
  }
  void rolled_index(int64_t shift, Tensor& index) override {
    run(&Backend::rolled_index, {"rolled_index"}, shift, index);
  }
  void concat_scores(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2,
                     Tensor& r) override {
    run(&Backend::concat_scores, {"concat_scores"}, a, b, w2, b2, r);
  }
  void concat_scores_backward(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& dr,
                              Tensor& da, Tensor& db, Tensor& dw2, Tensor& db2) override {
    run(&Backend::concat_scores_backward, {"concat_scores_backward"}, a, b, w2, dr, da, db, dw2,
        db2);
  }
  void pair_loss(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                 const PairLossSpec& spec, Tensor& loss, Tensor& lse, Tensor& records) override {
    run(&Backend::pair_loss, {"pair_loss"}, s, nullable_r, positive, spec, loss, lse, records);
  }
  void pair_statistics(const Tensor& records, const PairLossSpec& spec,
                       Tensor& statistics) override {
    run(&Backend::pair_statistics, {"pair_statistics"}, records, spec, statistics);
  }
  void pair_value_statistics(const Tensor& s, const Tensor& tau, const Tensor& nullable_s_all,
                             const Tensor& nullable_tau_all, const TemperatureRange& range,
                             Tensor& statistics) override {
    run(&Backend::pair_value_statistics, {"pair_value_statistics"}, s, tau, nullable_s_all,
        nullable_tau_all, range, statistics);
  }
  void pair_loss_backward(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                          const PairLossSpec& spec, const Tensor& lse, const Tensor& dloss,
                          Tensor& ds, Tensor& nullable_dr) override {
    run(&Backend::pair_loss_backward, {"pair_loss_backward"}, s, nullable_r, positive, spec, lse,
        dloss, ds, nullable_dr);
  }
  void sgd_step(const SgdSpec& spec, std::span<const OptimizerSegment> segments, const Tensor& rate,
                const Tensor& gradient_scale, const Tensor& gradient, Tensor& value,
                Tensor& velocity) override {
    run(&Backend::sgd_step, {"sgd_step"}, spec, segments, rate, gradient_scale, gradient, value,
        velocity);
  }
  void lars_step(const LarsSpec& spec, std::span<const OptimizerSegment> segments,
                 const Tensor& rate, const Tensor& gradient_scale, const Tensor& gradient,
                 Tensor& value, Tensor& velocity) override {
    run(&Backend::lars_step, {"lars_step"}, spec, segments, rate, gradient_scale, gradient, value,
        velocity);
  }
  void adamw_step(const AdamWSpec& spec, std::span<const OptimizerSegment> segments,
                  const Tensor& rate, const Tensor& gradient_scale, const Tensor& step,
                  const Tensor& gradient, Tensor& value, Tensor& first_moment,
                  Tensor& second_moment) override {
    run(&Backend::adamw_step, {"adamw_step"}, spec, segments, rate, gradient_scale, step, gradient,
        value, first_moment, second_moment);
  }
  void clip_scale(const Tensor& squares, const Tensor& loss, double limit, Tensor& scale) override {
    run(&Backend::clip_scale, {"clip_scale"}, squares, loss, limit, scale);
  }
  void moving_average(const Tensor& value, const Tensor& weights, Tensor& shadow) override {
    run(&Backend::moving_average, {"moving_average"}, value, weights, shadow);
  }
  void augment(const Tensor& images, std::span<const ViewParameters> views,
               const ImageNormalization& normalization, Tensor& y) override {
    run(&Backend::augment, {"augment"}, images, views, normalization, y);
  }
  void augment_next(const Tensor& images, const Tensor& views,
                    const ImageNormalization& normalization, Tensor& step, Tensor& y) override {
    run(&Backend::augment_next, {"augment_next"}, images, views, normalization, step, y);
  }

 private:
  template <class... Parameters, class... Arguments>
  void run(void (Backend::*kernel)(Parameters...), KernelTime call, Arguments&&... arguments) {
    const Clock::time_point begin = Clock::now();
    ((*backend_).*kernel)(arguments...);
    if (profile_.paused()) return;
    backend_->synchronize();
    call.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    call.calls = 1;
    call.bytes = (bytes_of(arguments) + ...);
    profile_.add(call);
  }

  std::unique_ptr<Backend> backend_;
  KernelProfile& profile_;
};

}  // namespace

void KernelProfile::add(const KernelTime& call) {
  KernelTime& total = times_[{call.name, call.detail}];
  total.name = call.name;
  total.detail = call.detail;
  total.calls += call.calls;
  total.seconds += call.seconds;
  total.flops += call.flops;
  total.bytes += call.bytes;
}

std::vector<KernelTime> KernelProfile::times() const {
  std::vector<KernelTime> result;
  for (const auto& [key, time] : times_) result.push_back(time);
  std::stable_sort(
      result.begin(), result.end(),
      [](const KernelTime& left, const KernelTime& right) { return left.seconds > right.seconds; });
  return result;
}

std::unique_ptr<Backend> profiled(std::unique_ptr<Backend> backend, KernelProfile& profile) {
  return std::make_unique<ProfiledBackend>(std::move(backend), profile);
}

}  // namespace amcl
