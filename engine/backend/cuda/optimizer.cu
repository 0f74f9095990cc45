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

// The ratios of the segments with elements, [segments of the table].
template <class Rule, class T>
Tensor trust_ratios(const Rule& rule, const SegmentTable& table, int32_t blocks,
                    const OptimizerOperands<T, Rule::kMemories.size()>& on, Device& device,
                    StreamHandle stream, DType dtype) {
  Tensor partial = Tensor::empty(device, {blocks, 3}, DType::f64);
  auto* squares = static_cast<LarsNorms*>(partial.raw());
  Tensor trust = Tensor::empty(device, {table.count}, dtype);
  launch("segment_norms", blocks_of(blocks), stream, &segment_norms_kernel<T>, table,
         on.gradient_scale, on.gradient, static_cast<const T*>(on.value), squares);
  launch("trust_ratio", {.grid_x = static_cast<unsigned>(table.count), .block_x = kWarpThreads},
         stream, &trust_ratio_kernel<Rule, T>, table, rule, on.rate, squares, trust.data<T>());
  return trust;
}

}  // namespace

void OwnKernels::optimizer_step(const OptimizerRule& rule,
                                std::span<const OptimizerSegment> segments, const Tensor& rate,
                                const Tensor& gradient_scale, const Tensor& step,
                                const Tensor& gradient, Tensor& value, std::span<Tensor> memories) {
  const auto move = [&]<class T, class Rule>(T, const Rule& chosen) {
    OptimizerOperands<T, Rule::kMemories.size()> on{.rate = rate.data<T>(),
                                                    .gradient_scale = gradient_scale.data<T>(),
                                                    .step = step.data<T>(),
                                                    .trust = nullptr,
                                                    .gradient = gradient.data<T>(),
                                                    .value = value.data<T>(),
                                                    .state = {}};
    for (size_t i = 0; i < on.state.size(); ++i) on.state[i] = memories[i].template data<T>();
    for_each_table(segments, [&](const SegmentTable& table, int32_t blocks) {
      Tensor trust;
      if constexpr (kHasTrustRatio<Rule>) {
        trust = trust_ratios(chosen, table, blocks, on, *this, stream(), value.dtype());
        on.trust = trust.data<T>();
      }
      launch("optimizer_step", blocks_of(blocks), stream(), &optimizer_kernel<Rule, T>, table,
             chosen, on);
    });
  };
  dispatch_arithmetic(value.dtype(), [&]<class T>(T zero) {
    std::visit([&](const auto& chosen) { move(zero, chosen); }, rule);
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
