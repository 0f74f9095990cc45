// The step of SGD with momentum for one element, shared by every implementation of SGD and LARS.
#pragma once
#include "engine/core/host_device.h"

namespace amcl {

// p -= rate v or its Nesterov form, with d = factor (scale g + decay p), v = momentum v + d.
template <class T>
struct MomentumUpdate {
  T momentum;
  bool nesterov;
  T rate;
  T scale;
  T decay;
  T factor;

  AMCL_HOST_DEVICE void operator()(T gradient, T& value, T& velocity) const {
    const T p = value;  // kept here: to the compiler the two references may be one
    const T d = factor * (scale * gradient + decay * p);
    const T v = momentum * velocity + d;
    velocity = v;
    value = p - rate * (nesterov ? d + momentum * v : v);
  }
};

}  // namespace amcl
