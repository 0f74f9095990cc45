// Checks that several ops share. Each throws Error(usage) that opens with the op's name.
#pragma once
#include "engine/core/tensor.h"

namespace amcl {

inline void check_floating(const char* op, const char* name, const Tensor& x) {
  AMCL_CHECK(x.defined(), op, ": ", name, " was never given a value");
  AMCL_CHECK(is_floating(x.dtype()), op, ": ", name, " must be f64, f32 or bf16, got ", x.dtype(),
             " ", x.shape());
}

// Both floating, of one dtype and on one device: nothing is promoted or moved silently.
inline void check_same_kind(const char* op, const char* name_a, const Tensor& a, const char* name_b,
                            const Tensor& b) {
  check_floating(op, name_a, a);
  check_floating(op, name_b, b);
  AMCL_CHECK(a.dtype() == b.dtype(), op, ": ", name_a, " ", a.shape(), " is ", a.dtype(), " but ",
             name_b, " ", b.shape(), " is ", b.dtype(), "; use cast");
  AMCL_CHECK(&a.device() == &b.device(), op, ": ", name_a, " ", a.shape(), " and ", name_b, " ",
             b.shape(), " are on different devices");
}

}  // namespace amcl
