// The functions of the elementwise operations in the number type of a kernel, shared by every
// implementation.
#pragma once
#include <cmath>

#include "engine/backend/op_specs.h"
#include "engine/core/host_device.h"

namespace amcl {

template <class T>
AMCL_HOST_DEVICE T unary_value(UnaryOp op, T x) {
  switch (op) {
    case UnaryOp::relu:
      return x < T{0} ? T{0} : x;  // in this order NaN stays NaN
    case UnaryOp::exp:
      return std::exp(x);
    case UnaryOp::log:
      return std::log(x);
    case UnaryOp::sigmoid:
      return T{1} / (T{1} + std::exp(-x));
    case UnaryOp::reciprocal:
      return T{1} / x;
    case UnaryOp::square:
      return x * x;
    case UnaryOp::cos:
      return std::cos(x);
    case UnaryOp::sin:
      return std::sin(x);
  }
  return T{0};
}

// Of y = unary_value(op, x) in x.
template <class T>
AMCL_HOST_DEVICE T unary_derivative(UnaryOp op, T x, T y) {
  switch (op) {
    case UnaryOp::relu:
      return y > T{0} ? T{1} : T{0};
    case UnaryOp::exp:
      return y;
    case UnaryOp::log:
      return T{1} / x;
    case UnaryOp::sigmoid:
      return y * (T{1} - y);
    case UnaryOp::reciprocal:
      return -y * y;
    case UnaryOp::square:
      return T{2} * x;
    case UnaryOp::cos:
      return -std::sin(x);
    case UnaryOp::sin:
      return std::cos(x);
  }
  return T{0};
}

template <class T>
AMCL_HOST_DEVICE T binary_value(BinaryOp op, T a, T b) {
  switch (op) {
    case BinaryOp::add:
      return a + b;
    case BinaryOp::subtract:
      return a - b;
    case BinaryOp::multiply:
      return a * b;
  }
  return T{0};
}

}  // namespace amcl
