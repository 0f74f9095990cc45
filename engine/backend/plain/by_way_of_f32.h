// bf16 kernels by way of f32: the inputs are widened, which is exact, the f32 kernel computes, and its
// results are rounded to nearest once. This is the definition of a kernel in bf16.
#pragma once
#include "engine/backend/backend.h"

namespace amcl {

// x in f32: a copy where x is bf16, else (f32 or an empty handle) x itself.
inline Tensor widened(Backend& backend, const Tensor& x) {
  if (!x.defined() || x.dtype() != DType::bf16) return x;
  Tensor wide = Tensor::empty(x.device(), x.shape(), DType::f32);
  backend.cast(x, wide);
  return wide;
}

// Where the f32 kernel writes what becomes y: new memory where y is bf16, else y itself.
inline Tensor wide_like(const Tensor& y) {
  return y.defined() && y.dtype() == DType::bf16 ? Tensor::empty(y.device(), y.shape(), DType::f32)
                                                 : y;
}

// Rounds what a kernel left in wide_like(y) into y.
inline void round_into(Backend& backend, const Tensor& wide, Tensor& y) {
  if (y.defined() && y.dtype() == DType::bf16) backend.cast(wide, y);
}

}  // namespace amcl
