// Checks that several ops share. Each throws Error(usage) that opens with the op's name.
#pragma once
#include "engine/core/tensor.h"

namespace amcl {

// Nothing is promoted and nothing moves between devices silently.
inline void check_same_kind(const char* op, const char* name_a, const Tensor& a, const char* name_b,
                            const Tensor& b) {
  AMCL_CHECK(a.dtype() == b.dtype(), op, ": ", name_a, " ", a.shape(), " is ", a.dtype(), " but ",
             name_b, " ", b.shape(), " is ", b.dtype(), "; use cast");
  AMCL_CHECK(&a.device() == &b.device(), op, ": ", name_a, " ", a.shape(), " and ", name_b, " ",
             b.shape(), " are on different devices");
}

}  // namespace amcl
