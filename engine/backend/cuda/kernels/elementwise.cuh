// The functions of map_kernel, and those of the second operand of `binary` where it is broadcast.
#pragma once
#include "engine/backend/cuda/kernels/common.cuh"
#include "engine/backend/elementwise_formulas.h"
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

// weights[0] a + weights[1] b, the weights in device memory.
template <class T>
struct WeightedSum {
  const T* weights;
  __device__ T operator()(T a, T b) const { return weights[0] * a + weights[1] * b; }
};

template <class T>
struct UnaryFunction {
  UnaryOp op;
  __device__ T operator()(T x) const { return unary_value(op, x); }
};

template <class T>
struct UnaryGradient {
  UnaryOp op;
  __device__ T operator()(T x, T y, T dy) const { return dy * unary_derivative(op, x, y); }
};

template <class T>
struct BinaryFunction {
  BinaryOp op;
  __device__ T operator()(T a, T b) const { return binary_value(op, a, b); }
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
