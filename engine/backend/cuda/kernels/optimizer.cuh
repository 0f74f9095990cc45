// Optimisers over flat parameter memory: one launch for up to kSegments segments, which a ResNet
// has fewer than 100 of.
//
// Bytes per parameter: SGD 20 (gradient read; value and velocity read and written), AdamW 28.
// FLOPs: 6 and 14. ResNet-18 (11 M parameters): 47 us for SGD at 4.8 TB/s. Rates are in device
// memory, so that a captured step reads new ones. The norms of LARS are sums in f64 in two stages
// of fixed order.
#pragma once
#include <array>
#include <cmath>

#include "engine/backend/cuda/kernels/common.cuh"
#include "engine/backend/optimizer_rules.h"
#include "engine/backend/step_gate.h"

namespace amcl::cuda {

inline constexpr int kSegments = 64;  // 40 bytes each: the arguments of a launch fit into 4 KiB
inline constexpr int64_t kSegmentPart = 4096;  // elements of a block

// The segments of a launch. Block b works on elements of the segment s with
// first_block[s] <= b < first_block[s + 1].
struct SegmentTable {
  OptimizerSegment segments[kSegments];
  int32_t first_block[kSegments + 1];
  int32_t count;
};

struct SegmentPart {
  int segment;
  int64_t begin;
  int64_t end;

  __device__ explicit SegmentPart(const SegmentTable& table) : segment(0) {
    const auto block = static_cast<int32_t>(blockIdx.x);
    while (segment + 1 < table.count && block >= table.first_block[segment + 1]) ++segment;
    const OptimizerSegment& of = table.segments[segment];
    begin = of.begin + (block - table.first_block[segment]) * kSegmentPart;
    end = begin + kSegmentPart < of.end ? begin + kSegmentPart : of.end;
  }
};

// The operands of a step of the optimiser.
template <class T, size_t memories>
struct OptimizerOperands {
  const T* rate;
  const T* gradient_scale;
  const T* step;
  const T* trust;  // of each segment of the launch; null: 1
  const T* gradient;
  T* value;
  std::array<T*, memories> state;
};

// The update is made once per block, because AdamW's powers cost more than an element.
template <class Rule, class T>
__global__ void __launch_bounds__(kBlockThreads)
    optimizer_kernel(SegmentTable table, Rule rule,
                     OptimizerOperands<T, Rule::kMemories.size()> on) {
  using Update = decltype(rule.update(SegmentStep<T>{}));
  AMCL_SHARED(Update, shared, 1);
  const SegmentPart part(table);
  if (!may_update(*on.gradient_scale)) return;  // the whole grid
  if (threadIdx.x == 0) {
    const OptimizerSegment& segment = table.segments[part.segment];
    shared[0] =
        rule.update(SegmentStep<T>{.rate = *on.rate * static_cast<T>(segment.rate_scale),
                                   .scale = *on.gradient_scale,
                                   .decay = static_cast<T>(segment.weight_decay),
                                   .trust = on.trust == nullptr ? T(1) : on.trust[part.segment],
                                   .step = static_cast<double>(*on.step)});
  }
  __syncthreads();
  const Update update = shared[0];
  AMCL_UNROLL
  for (int64_t i = part.begin + threadIdx.x; i < part.end; i += kBlockThreads)
    update_element(update, i, on.gradient, on.value, on.state);
}

template <int kTeam>
__device__ LarsNorms squares_of_team(const LarsNorms& of_thread) {
  return {team_sum<kTeam>(of_thread.value), team_sum<kTeam>(of_thread.gradient),
          team_sum<kTeam>(of_thread.direction)};
}

// partial [blocks]: the squares of the block's elements.
template <class T>
__global__ void __launch_bounds__(kBlockThreads)
    segment_norms_kernel(SegmentTable table, const T* gradient_scale, const T* gradient,
                         const T* value, LarsNorms* partial) {
  const SegmentPart part(table);
  const double decay = table.segments[part.segment].weight_decay;
  const auto scale = static_cast<double>(*gradient_scale);
  LarsNorms squares;
  for (int64_t i = part.begin + threadIdx.x; i < part.end; i += kBlockThreads)
    squares.add(static_cast<double>(value[i]), scale * static_cast<double>(gradient[i]), decay);
  squares = squares_of_team<kBlockThreads>(squares);
  if (threadIdx.x == 0) partial[blockIdx.x] = squares;
}

// trust [segments] of the rule from the partial squares; one warp per segment (blockIdx.x).
template <class Rule, class T>
__global__ void __launch_bounds__(kWarpThreads)
    trust_ratio_kernel(SegmentTable table, Rule rule, const T* rate, const LarsNorms* partial,
                       T* trust) {
  const auto index = static_cast<int>(blockIdx.x);
  const OptimizerSegment& segment = table.segments[index];
  LarsNorms squares;
  for (int64_t block = table.first_block[index] + static_cast<int64_t>(threadIdx.x);
       block < table.first_block[index + 1]; block += kWarpThreads) {
    squares.value += partial[block].value;
    squares.gradient += partial[block].gradient;
    squares.direction += partial[block].direction;
  }
  squares = squares_of_team<kWarpThreads>(squares);
  if (threadIdx.x != 0) return;
  const auto segment_rate = static_cast<double>(*rate * static_cast<T>(segment.rate_scale));
  trust[index] =
      segment.trust_ratio
          ? static_cast<T>(rule.trust_ratio(segment.weight_decay, squares.roots(), segment_rate))
          : T(1);
}

template <class T>
struct ClipScale {
  double limit;
  __device__ T operator()(T squares, T loss, T before) const {
    return gated_scale(squares, loss, before, limit);
  }
};

}  // namespace amcl::cuda
