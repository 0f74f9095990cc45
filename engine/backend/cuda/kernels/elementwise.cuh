// The functions of map_kernel, and those of the second operand of `binary` where it is broadcast.
#pragma once
#include <cmath>

#include "engine/backend/cuda/kernels/common.cuh"
#include "engine/backend/op_specs.h"
#include "engine/backend/pair_formulas.h"

namespace amcl::cuda {

struct Identity {
  template <class T>
  __device__ T operator()(T x) const {
    return x;
  }
};

template <class T>
struct Constant {
  T value;
  __device__ T operator()() const { return value; }
};

template <class T>
struct Affine {
  T scale;
  T shift;
  __device__ T operator()(T x) const { return scale * x + shift; }
};

// kept a + taken b.
template <class T>
struct WeightedSum {
  T kept;
  T taken;
  __device__ T operator()(T a, T b) const { return kept * a + taken * b; }
};

template <class T>
struct UnaryFunction {
  UnaryOp op;
  __device__ T operator()(T x) const {
    switch (op) {
      case UnaryOp::relu:
        return x < T(0) ? T(0) : x;  // in this order NaN stays NaN
      case UnaryOp::exp:
        return std::exp(x);
      case UnaryOp::log:
        return std::log(x);
      case UnaryOp::sigmoid:
        return T(1) / (T(1) + std::exp(-x));
      case UnaryOp::reciprocal:
        return T(1) / x;
      case UnaryOp::square:
        return x * x;
    }
    return T(0);
  }
};

template <class T>
struct UnaryGradient {
  UnaryOp op;
  __device__ T operator()(T x, T y, T dy) const { return dy * derivative(x, y); }
  __device__ T derivative(T x, T y) const {
    switch (op) {
      case UnaryOp::relu:
        return y > T(0) ? T(1) : T(0);
      case UnaryOp::exp:
        return y;
      case UnaryOp::log:
        return T(1) / x;
      case UnaryOp::sigmoid:
        return y * (T(1) - y);
      case UnaryOp::reciprocal:
        return -y * y;
      case UnaryOp::square:
        return T(2) * x;
    }
    return T(0);
  }
};

template <class T>
struct BinaryFunction {
  BinaryOp op;
  __device__ T operator()(T a, T b) const {
    switch (op) {
      case BinaryOp::add:
        return a + b;
      case BinaryOp::subtract:
        return a - b;
      case BinaryOp::multiply:
        return a * b;
    }
    return T(0);
  }
};

// The second operand is one element in device memory.
template <class T>
struct BinaryWithScalar {
  BinaryFunction<Wide<T>> function;
  const T* b;
  __device__ Wide<T> operator()(Wide<T> a) const { return function(a, widen(*b)); }
};

template <class T>
struct Temperature {
  TemperatureFormula<T> formula;
  __device__ T operator()(T r) const { return formula(r).tau; }
};

template <class T>
struct TemperatureGradient {
  TemperatureFormula<T> formula;
  __device__ T operator()(T r, T dtau) const { return dtau * formula(r).slope; }
};

}  // namespace amcl::cuda
