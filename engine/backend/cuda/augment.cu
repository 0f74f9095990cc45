// Augmentation of the seam (kernels/augment.cuh).
#include "engine/backend/cuda/kernels/augment.cuh"

#include <algorithm>
#include <type_traits>

#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {

// ViewParameters go to the device as they are.
static_assert(std::is_trivially_copyable_v<ViewParameters>);

void OwnKernels::augment(const Tensor& images, std::span<const ViewParameters> views,
                         const ImageNormalization& normalization, Tensor& y) {
  if (views.empty()) return;
  // Four blocks for each of the 132 multiprocessors of an H200 hide the latency between the stages;
  // more would only take more scratch.
  constexpr int64_t kMaxBlocks = 528;
  const auto count = static_cast<int64_t>(views.size());
  const AugmentExtents extents{count, images.dim(1), images.dim(2), y.dim(1), y.dim(2)};
  const int64_t blocks = std::min(count, kMaxBlocks);
  Tensor parameters = Tensor::empty(*this, {static_cast<int64_t>(views.size_bytes())}, DType::u8);
  copy_from_host(parameters.raw(), views.data(), views.size_bytes());
  Tensor scratch = Tensor::empty(*this, {blocks * extents.scratch_floats()}, DType::f32);
  launch("augment", {.grid_x = static_cast<unsigned>(blocks), .block_x = kBlockThreads}, stream(),
         &augment_kernel, extents, images.data<uint8_t>(),
         static_cast<const ViewParameters*>(parameters.raw()), normalization, scratch.data<float>(),
         y.data<float>());
}

}  // namespace amcl::cuda
