// The extents of one convolution, as the algorithms of the cpu backend see it.
#pragma once
#include <cstdint>

#include "engine/backend/op_specs.h"
#include "engine/core/shape.h"

namespace amcl {

struct ConvShape {
  int64_t images, height, width, channels;  // x  [N, H, W, C]
  int64_t filters, rows, columns;           // w  [K, R, S, C]
  int64_t out_height, out_width;            // y  [N, P, Q, K]
  int64_t stride, padding;

  ConvShape(const Shape& x, const Shape& w, const Shape& y, const Conv2dSpec& spec)
      : images(x[0]),
        height(x[1]),
        width(x[2]),
        channels(x[3]),
        filters(w[0]),
        rows(w[1]),
        columns(w[2]),
        out_height(y[1]),
        out_width(y[2]),
        stride(spec.stride),
        padding(spec.padding) {}

  bool operator==(const ConvShape&) const = default;
};

enum class ConvPass : uint8_t { forward, data_gradient, weight_gradient };

}  // namespace amcl
