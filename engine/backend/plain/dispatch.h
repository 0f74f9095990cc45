// Turns the dtype of a tensor into a type: dispatch_floating(x.dtype(), [&]<class T>(T) { ... })
// runs the body with T = float or double. Kernels that know bf16 too go by way of f32 (by_way_of_f32.h).
#pragma once
#include "engine/core/check.h"
#include "engine/core/dtype.h"

namespace amcl {

template <class Body>
void dispatch_floating(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::f64:
      body(double{});
      return;
    case DType::f32:
      body(float{});
      return;
    default:
      fail(ErrorKind::usage, "the cpu computes this kernel in f32 and f64, not in ", dtype);
  }
}

}  // namespace amcl
