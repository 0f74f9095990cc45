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
#define AMCL_KERNEL(name, ...) void name(__VA_ARGS__) override;
#define AMCL_PRODUCT(name, ...)  // left to libraries
#include "engine/backend/kernel_table.h"
  // conv2d, and its epilogue in a pass of its own.
  void conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias,
                    const Tensor& nullable_residual, const Conv2dSpec& spec, bool relu,
                    Tensor& y) override;

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
