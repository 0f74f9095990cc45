// Optimisers of the seam (kernels/optimizer.cuh).
#include "engine/backend/cuda/kernels/optimizer.cuh"

#include <algorithm>

#include "engine/backend/cuda/dispatch.h"
#include "engine/backend/cuda/launch_map.h"
#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {
namespace {

// The table of some segments without elements.
SegmentTable empty_table() {
  SegmentTable table{};
  table.count = 0;
  return table;
}

// Calls body(table, blocks) for all segments that have elements, kSegments at a time.
template <class Body>
void for_each_table(std::span<const OptimizerSegment> segments, Body&& body) {
  SegmentTable table = empty_table();
  const auto flush = [&] {
    if (table.count > 0) body(table, table.first_block[table.count]);
    table = empty_table();
  };
  for (const OptimizerSegment& segment : segments) {
    const int64_t elements = segment.end - segment.begin;
    if (elements == 0) continue;
    if (table.count == kSegments) flush();
    const int32_t first = table.first_block[table.count];
    table.segments[table.count] = segment;
    table.first_block[++table.count] =
        first + static_cast<int32_t>((elements + kSegmentPart - 1) / kSegmentPart);
  }
  flush();
}

LaunchShape blocks_of(int32_t blocks) {
  return {.grid_x = static_cast<unsigned>(blocks), .block_x = kBlockThreads};
}

}  // namespace

void OwnKernels::sgd_step(const SgdSpec& spec, std::span<const OptimizerSegment> segments,
                          const Tensor& rate, const Tensor& gradient_scale, const Tensor& gradient,
                          Tensor& value, Tensor& velocity) {
  dispatch_arithmetic(value.dtype(), [&]<class T>(T) {
    const MomentumCall<T> update{
        rate.data<T>(),     gradient_scale.data<T>(),      gradient.data<T>(), value.data<T>(),
        velocity.data<T>(), static_cast<T>(spec.momentum), spec.nesterov,      nullptr};
    for_each_table(segments, [&](const SegmentTable& table, int32_t blocks) {
      launch("sgd_step", blocks_of(blocks), stream(), &optimizer_kernel<MomentumCall<T>>, table,
             update);
    });
  });
}

void OwnKernels::lars_step(const LarsSpec& spec, std::span<const OptimizerSegment> segments,
                           const Tensor& rate, const Tensor& gradient_scale, const Tensor& gradient,
                           Tensor& value, Tensor& velocity) {
  dispatch_arithmetic(value.dtype(), [&]<class T>(T) {
    for_each_table(segments, [&](const SegmentTable& table, int32_t blocks) {
      Tensor partial = Tensor::empty(*this, {blocks, 3}, DType::f64);
      auto* squares = static_cast<LarsNorms*>(partial.raw());
      Tensor factors = Tensor::empty(*this, {table.count}, value.dtype());
      launch("lars_step", blocks_of(blocks), stream(), &segment_norms_kernel<T>, table,
             gradient_scale.data<T>(), gradient.data<T>(), value.data<T>(), squares);
      launch("lars_step", {.grid_x = static_cast<unsigned>(table.count), .block_x = kWarpThreads},
             stream(), &trust_ratio_kernel<T>, table, spec, rate.data<T>(), squares,
             factors.data<T>());
      const MomentumCall<T> update{
          rate.data<T>(),  gradient_scale.data<T>(), gradient.data<T>(),
          value.data<T>(), velocity.data<T>(),       static_cast<T>(spec.momentum),
          false,           factors.data<T>()};
      launch("lars_step", blocks_of(blocks), stream(), &optimizer_kernel<MomentumCall<T>>, table,
             update);
    });
  });
}

void OwnKernels::adamw_step(const AdamWSpec& spec, std::span<const OptimizerSegment> segments,
                            const Tensor& rate, const Tensor& gradient_scale, const Tensor& step,
                            const Tensor& gradient, Tensor& value, Tensor& first_moment,
                            Tensor& second_moment) {
  dispatch_arithmetic(value.dtype(), [&]<class T>(T) {
    const AdamWCall<T> update{spec,
                              rate.data<T>(),
                              gradient_scale.data<T>(),
                              step.data<int32_t>(),
                              gradient.data<T>(),
                              value.data<T>(),
                              first_moment.data<T>(),
                              second_moment.data<T>()};
    for_each_table(segments, [&](const SegmentTable& table, int32_t blocks) {
      launch("adamw_step", blocks_of(blocks), stream(), &optimizer_kernel<AdamWCall<T>>, table,
             update);
    });
  });
}

void OwnKernels::clip_scale(const Tensor& squares, const Tensor& loss, double limit,
                            Tensor& scale) {
  dispatch_arithmetic(scale.dtype(), [&]<class T>(T) {
    launch_map("clip_scale", stream(), 1, ClipScale<T>{limit}, scale.data<T>(), squares.data<T>(),
               loss.data<T>(), static_cast<const T*>(scale.data<T>()));
  });
}

}  // namespace amcl::cuda
