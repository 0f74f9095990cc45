// Agreement of tensors, as a text for CHECK(difference(...) == "").
#pragma once
#include <string>

#include "engine/core/tensor.h"

namespace amcl::test {

// Empty if `got` has the shape of `want` and each element lies within tolerance * (|want_i| +
// rms(want)); else one line that names the worst element. Dtypes may differ.
std::string difference(const Tensor& got, const Tensor& want, double tolerance);

}  // namespace amcl::test
