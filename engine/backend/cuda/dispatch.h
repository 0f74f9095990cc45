// Turns the dtype of a tensor into a type: dispatch_storage(x.dtype(), [&]<class T>(T) { ... })
// runs the body with T = float, bf16 or double; dispatch_arithmetic without bf16, for what the seam
// keeps in stat_dtype. f64 is for checking gradients on the device.
#pragma once
#include "engine/core/check.h"
#include "engine/core/dtype.h"

namespace amcl::cuda {

template <class Body>
void dispatch_arithmetic(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::f32:
      body(float{});
      return;
    case DType::f64:
      body(double{});
      return;
    default:
      fail(ErrorKind::usage, "device cuda: this operation computes in f32 and f64, not in ", dtype);
  }
}

template <class Body>
void dispatch_storage(DType dtype, Body&& body) {
  if (dtype == DType::bf16)
    body(bf16{});
  else
    dispatch_arithmetic(dtype, body);
}

}  // namespace amcl::cuda
