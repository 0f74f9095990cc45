// Pooling over the spatial axes of [N, H, W, C]; each image belongs to one thread.
#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {

void PlainBackend::max_pool(const Tensor& x, const PoolSpec& spec, Tensor& y, Tensor& argmax) {
  const int64_t height = x.dim(1);
  const int64_t width = x.dim(2);
  const int64_t channels = x.dim(3);
  const int64_t out_height = y.dim(1);
  const int64_t out_width = y.dim(2);
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    T* ys = y.data<T>();
    int32_t* places = argmax.data<int32_t>();
    // The place h * width + w of the first maximum of window (p, q) in row-major order, or of a
    // NaN.
    const auto first_maximum = [&](const T* image, int64_t p, int64_t q, int64_t c) {
      const int64_t top = p * spec.stride - spec.padding;
      const int64_t left = q * spec.stride - spec.padding;
      int64_t best = -1;
      for (int64_t h = std::max<int64_t>(top, 0); h < std::min(top + spec.kernel, height); ++h)
        for (int64_t w = std::max<int64_t>(left, 0); w < std::min(left + spec.kernel, width); ++w) {
          const int64_t place = h * width + w;
          const T value = image[place * channels + c];
          if (best < 0 || value > image[best * channels + c] || std::isnan(value)) best = place;
        }
      return best;
    };
    parallel_for(x.dim(0), 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const T* image = x.data<T>() + n * height * width * channels;
        int64_t output = n * out_height * out_width * channels;
        for (int64_t p = 0; p < out_height; ++p)
          for (int64_t q = 0; q < out_width; ++q)
            for (int64_t c = 0; c < channels; ++c, ++output) {
              const int64_t place = first_maximum(image, p, q, c);
              ys[output] = image[place * channels + c];
              places[output] = static_cast<int32_t>(place);
            }
      }
    });
  });
}

void PlainBackend::max_pool_backward(const Tensor& dy, const Tensor& argmax,
                                     const PoolSpec& /*spec*/, Tensor& dx) {
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
        for (int64_t i = 0; i < windows * channels; ++i)
          image[chosen[i] * channels + i % channels] += dys[i];
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
