// Elementwise kernels: fill, cast, affine, accumulate, unary and binary functions. (The temperatures
// are in pairwise.cpp, beside the pair loss that shares their formula.)
#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>

#include "engine/backend/elementwise_formulas.h"
#include "engine/backend/plain/by_way_of_f32.h"
#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

constexpr int64_t kGrain = int64_t{1} << 14;  // elements that are worth a thread

// y[i] = function(i) for each element.
template <class T, class Function>
void map(T* y, int64_t count, Function function) {
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = function(i);
  });
}

// y[i] = function(y[i], x[i]) for each element.
template <class T, class Function>
void update(T* y, const T* x, int64_t count, Function function) {
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = function(y[i], x[i]);
  });
}

// f64, f32 and bf16: the types that cast and fill know.
template <class Body>
void dispatch_storage(DType dtype, Body&& body) {
  if (dtype == DType::bf16)
    body(bf16{});
  else
    dispatch_floating(dtype, body);
}

template <class T>
T narrow(double value) {
  if constexpr (std::is_same_v<T, bf16>)
    return bf16(static_cast<float>(value));
  else
    return static_cast<T>(value);
}

template <class T>
double widen(T value) {
  if constexpr (std::is_same_v<T, bf16>)
    return static_cast<double>(static_cast<float>(value));
  else
    return static_cast<double>(value);
}

// Where b's element for a[i] lies: b[(i / block) * block_stride + (i % columns) * column_stride].
struct Broadcast {
  int64_t block;
  int64_t block_stride;
  int64_t columns;
  int64_t column_stride;

  Broadcast(const Shape& a, const Shape& b)
      : block(std::max<int64_t>(a.count(), 1)),
        block_stride(0),
        columns(block),
        column_stride(b.count() == 1 ? 0 : 1) {
    if (b == a || b.count() == 1) return;
    columns = b.back();
    if (b.rank() == 2) {  // [B, n] for a [B, M, n]
      block = a[1] * columns;
      block_stride = columns;
    }
  }

  int64_t operator()(int64_t i) const {
    return i / block * block_stride + i % columns * column_stride;
  }
  // The elements from a[i] on whose partners in b are column_stride apart.
  int64_t run(int64_t i) const { return columns - i % columns; }
};

// y[i] = a[i] op b[i * stride] for stride 0 or 1.
template <BinaryOp op, class T>
void combine(const T* a, const T* b, int64_t stride, int64_t count, T* y) {
  if (stride == 0) {
    const T same = *b;
    for (int64_t i = 0; i < count; ++i) y[i] = binary_value(op, a[i], same);
  } else {
    for (int64_t i = 0; i < count; ++i) y[i] = binary_value(op, a[i], b[i]);
  }
}

template <class T>
void combine(BinaryOp op, const T* a, const T* b, int64_t stride, int64_t count, T* y) {
  switch (op) {
    case BinaryOp::add:
      return combine<BinaryOp::add>(a, b, stride, count, y);
    case BinaryOp::subtract:
      return combine<BinaryOp::subtract>(a, b, stride, count, y);
    case BinaryOp::multiply:
      return combine<BinaryOp::multiply>(a, b, stride, count, y);
  }
}

}  // namespace

void PlainBackend::fill(Tensor& y, double value) {
  dispatch_storage(y.dtype(), [&]<class T>(T) {
    map(y.data<T>(), y.count(), [filled = narrow<T>(value)](int64_t) { return filled; });
  });
}

void PlainBackend::cast(const Tensor& x, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class From>(From) {
    dispatch_storage(y.dtype(), [&]<class To>(To) {
      map(y.data<To>(), y.count(),
          [xs = x.data<From>()](int64_t i) { return narrow<To>(widen(xs[i])); });
    });
  });
}

void PlainBackend::affine(const Tensor& x, double scale, double shift, Tensor& y) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    map(y.data<T>(), y.count(),
        [xs = x.data<T>(), factor = static_cast<T>(scale),
         offset = static_cast<T>(shift)](int64_t i) { return factor * xs[i] + offset; });
  });
}

void PlainBackend::accumulate(const Tensor& x, Tensor& y) {
  if (x.dtype() == DType::bf16)
    return update(y.data<bf16>(), x.data<bf16>(), y.count(), [](bf16 sum, bf16 term) {
      return bf16(static_cast<float>(sum) + static_cast<float>(term));
    });
  dispatch_floating(
      x.dtype(), [&]<class T>(T) { update(y.data<T>(), x.data<T>(), y.count(), std::plus<T>{}); });
}

void PlainBackend::unary(UnaryOp op, const Tensor& x, Tensor& y) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    map(y.data<T>(), y.count(),
        [op, xs = x.data<T>()](int64_t i) { return unary_value(op, xs[i]); });
  });
}

void PlainBackend::unary_backward(UnaryOp op, const Tensor& x, const Tensor& y, const Tensor& dy,
                                  Tensor& dx) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    map(dx.data<T>(), dx.count(),
        [op, xs = x.data<T>(), ys = y.data<T>(), dys = dy.data<T>()](int64_t i) {
          return dys[i] * unary_derivative(op, xs[i], ys[i]);
        });
  });
}

void PlainBackend::binary(BinaryOp op, const Tensor& a, const Tensor& b, Tensor& y) {
  if (a.dtype() == DType::bf16) {
    Tensor wide = wide_like(y);
    binary(op, widened(*this, a), widened(*this, b), wide);
    return round_into(*this, wide, y);
  }
  dispatch_floating(a.dtype(), [&]<class T>(T) {
    parallel_for(y.count(), kGrain,
                 [op, as = a.data<T>(), bs = b.data<T>(), ys = y.data<T>(),
                  of_b = Broadcast(a.shape(), b.shape())](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end;) {
                     const int64_t count = std::min(of_b.run(i), end - i);
                     combine(op, as + i, bs + of_b(i), of_b.column_stride, count, ys + i);
                     i += count;
                   }
                 });
  });
}

}  // namespace amcl
