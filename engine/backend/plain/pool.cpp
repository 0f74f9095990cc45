// Pooling over the spatial axes of [N, H, W, C]; each image, or line of outputs, belongs to one thread.
#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/backend/plain/by_way_of_f32.h"
#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// Pixels [begin, end) along one axis of the window of output `place`.
struct Span {
  int64_t begin;
  int64_t end;

  Span(int64_t place, const PoolSpec& spec, int64_t extent)
      : begin(std::max<int64_t>(place * spec.stride - spec.padding, 0)),
        end(std::min(place * spec.stride - spec.padding + spec.kernel, extent)) {}
};

// Takes the values of pixel `place` into the maxima so far where they are larger, or NaN.
template <class T>
void take_larger(const T* values, int32_t place, int64_t channels, T* maxima, int32_t* places) {
  for (int64_t c = 0; c < channels; ++c) {
    const bool larger = values[c] > maxima[c] || std::isnan(values[c]);
    maxima[c] = larger ? values[c] : maxima[c];
    places[c] = larger ? place : places[c];
  }
}

}  // namespace

void PlainBackend::max_pool(const Tensor& x, const PoolSpec& spec, Tensor& y, Tensor& argmax) {
  if (x.dtype() == DType::bf16) {
    Tensor wide = wide_like(y);
    max_pool(widened(*this, x), spec, wide, argmax);
    return round_into(*this, wide, y);
  }
  const int64_t height = x.dim(1);
  const int64_t width = x.dim(2);
  const int64_t channels = x.dim(3);
  const int64_t out_height = y.dim(1);
  const int64_t out_width = y.dim(2);
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    parallel_for(x.dim(0) * out_height, 1, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line)
        for (int64_t q = 0; q < out_width; ++q) {
          const T* image = x.data<T>() + line / out_height * height * width * channels;
          T* maxima = y.data<T>() + (line * out_width + q) * channels;
          int32_t* places = argmax.data<int32_t>() + (line * out_width + q) * channels;
          const Span rows(line % out_height, spec, height);
          const Span columns(q, spec, width);
          const int64_t first = rows.begin * width + columns.begin;
          std::copy_n(image + first * channels, channels, maxima);
          std::fill_n(places, channels, static_cast<int32_t>(first));
          for (int64_t h = rows.begin; h < rows.end; ++h)
            for (int64_t w = columns.begin; w < columns.end; ++w)
              take_larger(image + (h * width + w) * channels, static_cast<int32_t>(h * width + w),
                          channels, maxima, places);
        }
    });
  });
}

void PlainBackend::max_pool_backward(const Tensor& dy, const Tensor& argmax, const PoolSpec& spec,
                                     Tensor& dx) {
  if (dy.dtype() == DType::bf16) {
    Tensor wide = wide_like(dx);
    max_pool_backward(widened(*this, dy), argmax, spec, wide);
    return round_into(*this, wide, dx);
  }
  const int64_t channels = dx.dim(3);
  const int64_t places = dx.dim(1) * dx.dim(2);
  const int64_t windows = dy.dim(1) * dy.dim(2);
  dispatch_floating(dy.dtype(), [&]<class T>(T) {
    parallel_for(dx.dim(0), 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        T* image = dx.data<T>() + n * places * channels;
        const T* dys = dy.data<T>() + n * windows * channels;
        const int32_t* chosen = argmax.data<int32_t>() + n * windows * channels;
        std::fill_n(image, places * channels, T{0});
        for (int64_t window = 0; window < windows; ++window, dys += channels, chosen += channels)
          for (int64_t c = 0; c < channels; ++c) image[chosen[c] * channels + c] += dys[c];
      }
    });
  });
}

void PlainBackend::global_average_pool(const Tensor& x, Tensor& y) {
  const int64_t channels = x.dim(3);
  const int64_t places = x.dim(1) * x.dim(2);
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    parallel_for(x.dim(0), 1, [&](int64_t begin, int64_t end) {
      std::vector<double> sums(static_cast<size_t>(channels));
      for (int64_t n = begin; n < end; ++n) {
        const T* image = x.data<T>() + n * places * channels;
        sums.assign(sums.size(), 0.0);
        for (int64_t i = 0; i < places * channels; ++i)
          sums[static_cast<size_t>(i % channels)] += image[i];
        for (int64_t c = 0; c < channels; ++c)
          y.data<T>()[n * channels + c] =
              static_cast<T>(sums[static_cast<size_t>(c)] / static_cast<double>(places));
      }
    });
  });
}

void PlainBackend::global_average_pool_backward(const Tensor& dy, Tensor& dx) {
  const int64_t channels = dx.dim(3);
  const int64_t places = dx.dim(1) * dx.dim(2);
  dispatch_floating(dy.dtype(), [&]<class T>(T) {
    const T share = T{1} / static_cast<T>(places);
    for (int64_t n = 0; n < dx.dim(0); ++n) {
      T* image = dx.data<T>() + n * places * channels;
      const T* dys = dy.data<T>() + n * channels;
      for (int64_t i = 0; i < places * channels; ++i) image[i] = share * dys[i % channels];
    }
  });
}

}  // namespace amcl
