// Optimisers over flat parameter memory. A segment is updated element by element; only the norms of
// LARS are sums, in f64 over the segment from its first element to its last.
#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/backend/step_gate.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

constexpr int64_t kElementGrain = 16384;  // elements per thread at least

// Calls body(i) for each element of the segment.
template <class Body>
void for_each_element(const OptimizerSegment& segment, Body&& body) {
  parallel_for(segment.end - segment.begin, kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = segment.begin + begin; i < segment.begin + end; ++i) body(i);
  });
}

template <class T>
LarsNorms norms_of(const OptimizerSegment& segment, double scale, const T* gradient,
                   const T* value) {
  LarsNorms squares;
  for (int64_t i = segment.begin; i < segment.end; ++i)
    squares.add(static_cast<double>(value[i]), scale * static_cast<double>(gradient[i]),
                segment.weight_decay);
  return squares.roots();
}

// `at` knows all but the trust.
template <class T, class Rule>
void move_segment(const Rule& rule, const OptimizerSegment& segment, SegmentStep<T> at,
                  const T* gradient, T* value, std::span<Tensor> memories) {
  if constexpr (kHasTrustRatio<Rule>)
    if (segment.trust_ratio)
      at.trust = static_cast<T>(rule.trust_ratio(
          segment.weight_decay, norms_of(segment, static_cast<double>(at.scale), gradient, value),
          static_cast<double>(at.rate)));
  std::array<T*, Rule::kMemories.size()> state;
  for (size_t i = 0; i < state.size(); ++i) state[i] = memories[i].template data<T>();
  const auto update = rule.update(at);
  for_each_element(segment, [=](int64_t i) { update_element(update, i, gradient, value, state); });
}

}  // namespace

void PlainBackend::optimizer_step(const OptimizerRule& rule,
                                  std::span<const OptimizerSegment> segments, const Tensor& rate,
                                  const Tensor& gradient_scale, const Tensor& step,
                                  const Tensor& gradient, Tensor& value,
                                  std::span<Tensor> memories) {
  dispatch_floating(value.dtype(), [&]<class T>(T) {
    const T scale = gradient_scale.data<T>()[0];
    if (!may_update(scale)) return;
    for (const OptimizerSegment& segment : segments) {
      const SegmentStep<T> at{.rate = rate.data<T>()[0] * static_cast<T>(segment.rate_scale),
                              .scale = scale,
                              .decay = static_cast<T>(segment.weight_decay),
                              .trust = T(1),
                              .step = static_cast<double>(step.data<T>()[0])};
      std::visit(
          [&](const auto& chosen) {
            move_segment(chosen, segment, at, gradient.data<T>(), value.data<T>(), memories);
          },
          rule);
    }
  });
}

void PlainBackend::clip_scale(const Tensor& squares, const Tensor& loss, double limit,
                              Tensor& scale) {
  dispatch_floating(scale.dtype(), [&]<class T>(T) {
    T& out = scale.data<T>()[0];
    out = gated_scale(squares.data<T>()[0], loss.data<T>()[0], out, limit);
  });
}

void PlainBackend::moving_average(const Tensor& value, const Tensor& weights, Tensor& shadow) {
  dispatch_floating(value.dtype(), [&]<class T>(T) {
    const T* source = value.data<T>();
    T* average = shadow.data<T>();
    const T kept = weights.data<T>()[0];
    const T taken = weights.data<T>()[1];
    for_each_element({.begin = 0, .end = value.count()},
                     [=](int64_t i) { average[i] = kept * average[i] + taken * source[i]; });
  });
}

}  // namespace amcl
