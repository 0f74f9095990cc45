// Convolution and its two gradients; x [N, H, W, C], w [K, R, S, C], y [N, P, Q, K].
//
//   y[n,p,q,k]  = sum_{r,s,c} x[n,h,w,c] w[k,r,s,c]      with h = p stride + r - padding, w alike,
//   dx[n,h,w,c] = sum_{r,s,k} dy[n,p,q,k] w[k,r,s,c]     over the places inside the image only
//   dw[k,r,s,c] = sum_{n,p,q} dy[n,p,q,k] x[n,h,w,c]
//
// Each loop nest runs over the channels innermost, where both operands are contiguous; sums are
// taken in f64. Each output element belongs to one thread.
#include <vector>

#include "engine/backend/plain/by_way_of_f32.h"
#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

struct Extents {
  int64_t images, height, width, channels;  // x
  int64_t filters, rows, columns;           // w
  int64_t out_height, out_width;            // y

  Extents(const Shape& x, const Shape& w, const Shape& y)
      : images(x[0]),
        height(x[1]),
        width(x[2]),
        channels(x[3]),
        filters(w[0]),
        rows(w[1]),
        columns(w[2]),
        out_height(y[1]),
        out_width(y[2]) {}
};

// The output along one axis whose window covers input `place` with its `tap`; -1 if there is none.
int64_t output_of(int64_t place, int64_t tap, const Conv2dSpec& spec, int64_t outputs) {
  const int64_t start = place + spec.padding - tap;
  if (start < 0 || start % spec.stride != 0 || start / spec.stride >= outputs) return -1;
  return start / spec.stride;
}

bool inside(int64_t place, int64_t extent) {
  return place >= 0 && place < extent;
}

// sums[c] += factor values[c].
template <class T>
void add_scaled(double factor, const T* values, std::vector<double>& sums) {
  for (size_t c = 0; c < sums.size(); ++c) sums[c] += factor * values[c];
}

template <class T>
void store(const std::vector<double>& sums, T* destination) {
  for (size_t c = 0; c < sums.size(); ++c) destination[c] = static_cast<T>(sums[c]);
}

}  // namespace

void PlainBackend::conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) {
  if (x.dtype() == DType::bf16) {
    Tensor wide = wide_like(y);
    conv2d(widened(*this, x), widened(*this, w), spec, wide);
    return round_into(*this, wide, y);
  }
  const Extents e(x.shape(), w.shape(), y.shape());
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const T* xs = x.data<T>();
    const T* ws = w.data<T>();
    T* ys = y.data<T>();
    // Sum over the taps and channels of output (image, p, q) and filter k.
    const auto window_sum = [&](int64_t image, int64_t p, int64_t q, int64_t k) {
      double sum = 0.0;
      for (int64_t r = 0; r < e.rows; ++r) {
        const int64_t h = p * spec.stride + r - spec.padding;
        if (!inside(h, e.height)) continue;
        for (int64_t s = 0; s < e.columns; ++s) {
          const int64_t column = q * spec.stride + s - spec.padding;
          if (!inside(column, e.width)) continue;
          const T* pixel = xs + ((image * e.height + h) * e.width + column) * e.channels;
          const T* tap = ws + ((k * e.rows + r) * e.columns + s) * e.channels;
          for (int64_t c = 0; c < e.channels; ++c) sum += static_cast<double>(pixel[c]) * tap[c];
        }
      }
      return sum;
    };
    parallel_for(e.images * e.out_height, 1, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line)
        for (int64_t q = 0; q < e.out_width; ++q)
          for (int64_t k = 0; k < e.filters; ++k)
            ys[(line * e.out_width + q) * e.filters + k] =
                static_cast<T>(window_sum(line / e.out_height, line % e.out_height, q, k));
    });
  });
}

// The epilogue is batch norm without statistics.
void PlainBackend::conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias,
                                const Tensor& nullable_residual, const Conv2dSpec& spec, bool relu,
                                Tensor& y) {
  if (x.dtype() == DType::bf16) {
    Tensor wide = wide_like(y);
    conv2d_fused(widened(*this, x), widened(*this, w), bias, widened(*this, nullable_residual),
                 spec, relu, wide);
    return round_into(*this, wide, y);
  }
  Tensor sums = Tensor::empty_like(y);
  conv2d(x, w, spec, sums);
  const Tensor zeros = Tensor::zeros(*this, bias.shape(), bias.dtype());
  Tensor ones = Tensor::empty_like(bias);
  fill(ones, 1.0);
  batch_norm_apply(sums, zeros, ones, ones, bias, nullable_residual, {.epsilon = 0.0, .relu = relu},
                   y);
}

void PlainBackend::conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec,
                             Tensor& dx) {
  if (dy.dtype() == DType::bf16) {
    Tensor wide = wide_like(dx);
    conv2d_dx(widened(*this, dy), widened(*this, w), spec, wide);
    return round_into(*this, wide, dx);
  }
  const Extents e(dx.shape(), w.shape(), dy.shape());
  dispatch_floating(dy.dtype(), [&]<class T>(T) {
    const T* dys = dy.data<T>();
    const T* ws = w.data<T>();
    T* dxs = dx.data<T>();
    const auto add_taps = [&](int64_t image, int64_t h, int64_t column, std::vector<double>& sums) {
      for (int64_t r = 0; r < e.rows; ++r) {
        const int64_t p = output_of(h, r, spec, e.out_height);
        if (p < 0) continue;
        for (int64_t s = 0; s < e.columns; ++s) {
          const int64_t q = output_of(column, s, spec, e.out_width);
          if (q < 0) continue;
          const T* cotangent = dys + ((image * e.out_height + p) * e.out_width + q) * e.filters;
          for (int64_t k = 0; k < e.filters; ++k)
            add_scaled(cotangent[k], ws + ((k * e.rows + r) * e.columns + s) * e.channels, sums);
        }
      }
    };
    parallel_for(e.images * e.height, 1, [&](int64_t begin, int64_t end) {
      std::vector<double> sums(static_cast<size_t>(e.channels));
      for (int64_t line = begin; line < end; ++line)
        for (int64_t column = 0; column < e.width; ++column) {
          sums.assign(sums.size(), 0.0);
          add_taps(line / e.height, line % e.height, column, sums);
          store(sums, dxs + (line * e.width + column) * e.channels);
        }
    });
  });
}

void PlainBackend::conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec,
                             Tensor& dw) {
  if (x.dtype() == DType::bf16) {
    Tensor wide = wide_like(dw);
    conv2d_dw(widened(*this, x), widened(*this, dy), spec, wide);
    return round_into(*this, wide, dw);
  }
  const Extents e(x.shape(), dw.shape(), dy.shape());
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const T* xs = x.data<T>();
    const T* dys = dy.data<T>();
    T* dws = dw.data<T>();
    const auto add_places = [&](int64_t k, int64_t r, int64_t s, std::vector<double>& sums) {
      for (int64_t line = 0; line < e.images * e.out_height; ++line) {
        const int64_t h = line % e.out_height * spec.stride + r - spec.padding;
        if (!inside(h, e.height)) continue;
        const T* row = xs + (line / e.out_height * e.height + h) * e.width * e.channels;
        for (int64_t q = 0; q < e.out_width; ++q) {
          const int64_t column = q * spec.stride + s - spec.padding;
          if (inside(column, e.width))
            add_scaled(dys[(line * e.out_width + q) * e.filters + k], row + column * e.channels,
                       sums);
        }
      }
    };
    parallel_for(e.filters * e.rows * e.columns, 1, [&](int64_t begin, int64_t end) {
      std::vector<double> sums(static_cast<size_t>(e.channels));
      for (int64_t tap = begin; tap < end; ++tap) {
        sums.assign(sums.size(), 0.0);
        add_places(tap / (e.rows * e.columns), tap / e.columns % e.rows, tap % e.columns, sums);
        store(sums, dws + tap * e.channels);
      }
    });
  });
}

}  // namespace amcl
