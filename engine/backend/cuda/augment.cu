// Augmentation of the seam (kernels/augment.cuh).
#include "engine/backend/cuda/kernels/augment.cuh"

#include <algorithm>
#include <type_traits>

#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {
namespace {

// ViewParameters go to the device as they are.
static_assert(std::is_trivially_copyable_v<ViewParameters>);

// Both forms: `views` and nullable `step` lie in device memory.
void launch_augment(Device& device, StreamHandle stream, const Tensor& images,
                    const ViewParameters* views, const int32_t* step,
                    const ImageNormalization& normalization, Tensor& y) {
  // Four blocks for each of the 132 multiprocessors of an H100 hide the latency between the stages;
  // more would only take more scratch.
  constexpr int64_t kMaxBlocks = 528;
  const AugmentExtents extents{y.dim(0), images.dim(1), images.dim(2), y.dim(1), y.dim(2)};
  const int64_t blocks = std::min(extents.views, kMaxBlocks);
  Tensor scratch = Tensor::empty(device, {blocks * extents.scratch_floats()}, DType::f32);
  launch("augment", {.grid_x = static_cast<unsigned>(blocks), .block_x = kBlockThreads}, stream,
         &augment_kernel, extents, images.data<uint8_t>(), views, step, normalization,
         scratch.data<float>(), y.data<float>());
}

}  // namespace

void OwnKernels::augment(const Tensor& images, std::span<const ViewParameters> views,
                         const ImageNormalization& normalization, Tensor& y) {
  if (views.empty()) return;
  Tensor parameters = Tensor::empty(*this, {static_cast<int64_t>(views.size_bytes())}, DType::u8);
  copy_from_host(parameters.raw(), views.data(), views.size_bytes());
  launch_augment(*this, stream(), images, static_cast<const ViewParameters*>(parameters.raw()),
                 /*step=*/nullptr, normalization, y);
}

void OwnKernels::augment_next(const Tensor& images, const Tensor& views,
                              const ImageNormalization& normalization, Tensor& step, Tensor& y) {
  launch_augment(*this, stream(), images, static_cast<const ViewParameters*>(views.raw()),
                 step.data<int32_t>(), normalization, y);
  launch("next_step", {}, stream(), &next_step_kernel, static_cast<int32_t>(views.dim(0)),
         step.data<int32_t>());
}

}  // namespace amcl::cuda
