// Optimisers over flat parameter memory. A segment is updated element by element; only the norms of
// LARS are sums, in f64 over the segment from its first element to its last.
#include "engine/backend/optimizer_formulas.h"
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

}  // namespace

void PlainBackend::sgd_step(const SgdSpec& spec, std::span<const OptimizerSegment> segments,
                            const Tensor& rate, const Tensor& gradient_scale,
                            const Tensor& gradient, Tensor& value, Tensor& velocity) {
  dispatch_floating(value.dtype(), [&]<class T>(T) {
    const T* g = gradient.data<T>();
    T* p = value.data<T>();
    T* v = velocity.data<T>();
    if (!may_update(gradient_scale.data<T>()[0])) return;
    for (const OptimizerSegment& segment : segments) {
      const MomentumUpdate<T> update{.momentum = static_cast<T>(spec.momentum),
                                     .nesterov = spec.nesterov,
                                     .rate = rate.data<T>()[0] * static_cast<T>(segment.rate_scale),
                                     .scale = gradient_scale.data<T>()[0],
                                     .decay = static_cast<T>(segment.weight_decay),
                                     .factor = T(1)};
      for_each_element(segment, [=](int64_t i) { update(g[i], p[i], v[i]); });
    }
  });
}

void PlainBackend::lars_step(const LarsSpec& spec, std::span<const OptimizerSegment> segments,
                             const Tensor& rate, const Tensor& gradient_scale,
                             const Tensor& gradient, Tensor& value, Tensor& velocity) {
  dispatch_floating(value.dtype(), [&]<class T>(T) {
    const T* g = gradient.data<T>();
    T* p = value.data<T>();
    T* v = velocity.data<T>();
    const T scale = gradient_scale.data<T>()[0];
    if (!may_update(scale)) return;
    for (const OptimizerSegment& segment : segments) {
      const T segment_rate = rate.data<T>()[0] * static_cast<T>(segment.rate_scale);
      double factor = 1.0;
      if (segment.trust_ratio)
        factor = trust_ratio(spec, segment.weight_decay,
                             norms_of(segment, static_cast<double>(scale), g, p),
                             static_cast<double>(segment_rate));
      const MomentumUpdate<T> update{.momentum = static_cast<T>(spec.momentum),
                                     .nesterov = false,
                                     .rate = segment_rate,
                                     .scale = scale,
                                     .decay = static_cast<T>(segment.weight_decay),
                                     .factor = static_cast<T>(factor)};
      for_each_element(segment, [=](int64_t i) { update(g[i], p[i], v[i]); });
    }
  });
}

void PlainBackend::adamw_step(const AdamWSpec& spec, std::span<const OptimizerSegment> segments,
                              const Tensor& rate, const Tensor& gradient_scale, const Tensor& step,
                              const Tensor& gradient, Tensor& value, Tensor& first_moment,
                              Tensor& second_moment) {
  dispatch_floating(value.dtype(), [&]<class T>(T) {
    const T* g = gradient.data<T>();
    T* p = value.data<T>();
    T* m = first_moment.data<T>();
    T* v = second_moment.data<T>();
    const double count = static_cast<double>(step.data<int32_t>()[0]);
    const T scale = gradient_scale.data<T>()[0];
    if (!may_update(scale)) return;
    for (const OptimizerSegment& segment : segments) {
      const auto update =
          AdamWUpdate<T>::at(spec, count, rate.data<T>()[0] * static_cast<T>(segment.rate_scale),
                             scale, segment.weight_decay);
      for_each_element(segment, [=](int64_t i) { update(g[i], p[i], m[i], v[i]); });
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
