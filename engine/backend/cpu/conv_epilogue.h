// What a forward convolution of the cpu backend does with its sums before it stores them:
// y = [relu] (sum + bias + residual).
#pragma once

namespace amcl {

struct ConvEpilogue {
  const float* nullable_bias = nullptr;     // [K]
  const void* nullable_residual = nullptr;  // shaped as y and of its type
  bool relu = false;
};

}  // namespace amcl
