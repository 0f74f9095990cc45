// Whether a step may change anything: it must not where loss or gradient are not finite. The answer
// lies in the gradient scale, which every update reads anyway, and is decided on the device, so that
// nobody waits for it. Shared by every implementation.
#pragma once
#include <cmath>

#include "engine/core/host_device.h"

namespace amcl {

// min(1, limit / (sqrt(squares) + 1e-6)), the factor that clips the gradient; not a number if the
// loss or the squares are not finite, or if `before` was none: a step that may have been given to the
// device meanwhile is not to be taken either.
template <class T>
AMCL_HOST_DEVICE T gated_scale(T squares, T loss, T before, double limit) {
  const T nothing = (squares - squares) + (loss - loss) + (before - before);  // 0 or not a number
  const double scale = limit / (std::sqrt(static_cast<double>(squares)) + 1e-6);
  return static_cast<T>(scale < 1.0 ? scale : 1.0) + nothing;
}

template <class T>
AMCL_HOST_DEVICE bool may_update(T gradient_scale) {
  return gradient_scale == gradient_scale;
}

}  // namespace amcl
