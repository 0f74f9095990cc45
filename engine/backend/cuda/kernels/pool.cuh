// Max pooling of x [N, H, W, C]. A thread owns V neighbouring channels of one place.
// Bytes: x, y and argmax once; neighbouring windows overlap in the cache. The backward pass
// gathers: each place of dx adds the windows that chose it, in their row-major order, so that
// nothing is added atomically. FLOPs: kernel^2 comparisons per output; memory is the floor.
#pragma once
#include "engine/backend/cuda/kernels/common.cuh"

namespace amcl::cuda {

struct PoolExtents {
  int64_t images;
  int64_t height;
  int64_t width;
  int64_t channels;  // a multiple of V
  int64_t out_height;
  int64_t out_width;
  int64_t kernel;
  int64_t stride;
  int64_t padding;
};

// The place of the unit-th pack of channels of [N, height, width, C].
template <int V>
struct PoolPlace {
  int64_t channel;
  int64_t column;
  int64_t row;
  int64_t image;

  __device__ PoolPlace(int64_t unit, int64_t height, int64_t width, int64_t channels) {
    const int64_t packs = channels / V;
    channel = unit % packs * V;
    unit /= packs;
    column = unit % width;
    unit /= width;
    row = unit % height;
    image = unit / height;
  }
};

template <int V, class T>
__global__ void __launch_bounds__(kBlockThreads)
    max_pool_kernel(PoolExtents e, const T* x, T* y, int32_t* argmax) {
  const int64_t units = e.images * e.out_height * e.out_width * (e.channels / V);
  for (int64_t unit = grid_thread(); unit < units; unit += grid_threads()) {
    const PoolPlace<V> at(unit, e.out_height, e.out_width, e.channels);
    const int64_t top = at.row * e.stride - e.padding;
    const int64_t left = at.column * e.stride - e.padding;
    const int64_t bottom = top + e.kernel < e.height ? top + e.kernel : e.height;
    const int64_t right = left + e.kernel < e.width ? left + e.kernel : e.width;
    Pack<T, V> best = {};
    Pack<int32_t, V> places;
    for (int v = 0; v < V; ++v) places.values[v] = -1;
    for (int64_t h = top > 0 ? top : 0; h < bottom; ++h)
      for (int64_t w = left > 0 ? left : 0; w < right; ++w) {
        const auto place = static_cast<int32_t>(h * e.width + w);
        const auto pack =
            load_pack<V>(x + ((at.image * e.height + h) * e.width + w) * e.channels + at.channel);
        for (int v = 0; v < V; ++v) {
          const Wide<T> value = widen(pack.values[v]);
          const bool nan = value != value;
          if (places.values[v] < 0 || value > widen(best.values[v]) || nan) {
            best.values[v] = pack.values[v];
            places.values[v] = place;
          }
        }
      }
    store_pack<V>(y + unit * V, best);
    for (int v = 0; v < V; ++v) argmax[unit * V + v] = places.values[v];
  }
}

template <int V, class T>
__global__ void __launch_bounds__(kBlockThreads)
    max_pool_backward_kernel(PoolExtents e, const T* dy, const int32_t* argmax, T* dx) {
  const int64_t units = e.images * e.height * e.width * (e.channels / V);
  for (int64_t unit = grid_thread(); unit < units; unit += grid_threads()) {
    const PoolPlace<V> at(unit, e.height, e.width, e.channels);
    const auto place = static_cast<int32_t>(at.row * e.width + at.column);
    // The windows p with p stride - padding <= row < p stride - padding + kernel.
    const auto first = [&](int64_t index) {
      const int64_t from = index + e.padding - e.kernel;
      return from < 0 ? int64_t{0} : from / e.stride + 1;
    };
    const auto end = [&](int64_t index, int64_t outputs) {
      const int64_t to = (index + e.padding) / e.stride + 1;
      return to < outputs ? to : outputs;
    };
    Wide<T> sums[V] = {};
    for (int64_t p = first(at.row); p < end(at.row, e.out_height); ++p)
      for (int64_t q = first(at.column); q < end(at.column, e.out_width); ++q) {
        const int64_t window =
            ((at.image * e.out_height + p) * e.out_width + q) * e.channels + at.channel;
        const auto pack = load_pack<V>(dy + window);
        for (int v = 0; v < V; ++v)
          if (argmax[window + v] == place) sums[v] += widen(pack.values[v]);
      }
    Pack<T, V> result;
    for (int v = 0; v < V; ++v) result.values[v] = narrow_to<T>(sums[v]);
    store_pack<V>(dx + unit * V, result);
  }
}

}  // namespace amcl::cuda
