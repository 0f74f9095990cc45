// The CPU backend: oneDNN and vectorised kernels of our own (Highway: the instruction set is
// chosen at run time) over the plain definitions. What is not overridden here, and everything in
// f64, runs the plain loops.
#pragma once
#include "engine/backend/cpu/onednn_conv.h"
#include "engine/backend/cpu/open_cpu.h"
#include "engine/backend/cpu/scratch.h"
#include "engine/backend/cpu/scratch_pool.h"
#include "engine/backend/plain/plain_backend.h"

namespace amcl {

class CpuBackend final : public PlainBackend {
 public:
  explicit CpuBackend(ConvAlgorithm conv_algorithm) : conv_algorithm_(conv_algorithm) {}

  const char* name() const override { return "cpu"; }
  std::string reason_against(DType dtype) const override;

  void cast(const Tensor& x, Tensor& y) override;
  void accumulate(const Tensor& x, Tensor& y) override;

  void matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) override;
  void conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) override;
  void conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias,
                    const Tensor& nullable_residual, const Conv2dSpec& spec, bool relu,
                    Tensor& y) override;
  void conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) override;
  void conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) override;

  void sum_of_squares(const Tensor& x, Tensor& y) override;

  void batch_norm_statistics(const Tensor& x, const BatchNormSpec& spec, Tensor& mean,
                             Tensor& variance) override;
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

  void concat_scores(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2,
                     Tensor& r) override;
  void concat_scores_backward(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& dr,
                              Tensor& da, Tensor& db, Tensor& dw2, Tensor& db2) override;
  void pair_loss(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                 const PairLossSpec& spec, Tensor& loss, Tensor& lse, Tensor& records) override;
  void pair_loss_backward(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                          const PairLossSpec& spec, const Tensor& lse, const Tensor& dloss,
                          Tensor& ds, Tensor& nullable_dr) override;

  void augment(const Tensor& images, std::span<const ViewParameters> views,
               const ImageNormalization& normalization, Tensor& y) override;

 private:
  // y = [relu] (conv2d(x, w) + bias + residual) by what suits the shape; false: nothing here computes in
  // the type of x.
  bool convolve(const Tensor& x, const Tensor& w, const Conv2dSpec& spec,
                const ConvEpilogue& epilogue, Tensor& y);

  ConvAlgorithm conv_algorithm_;
  Scratch scratch_{allocator()};
  ScratchPool augment_scratch_;
  OneDnnConvolutions onednn_convolutions_;
};

}  // namespace amcl
