// y[i] = function(x[i]...): every elementwise kernel.
//
// Bytes: each input once, y once. FLOPs: a few per element, so that memory is the floor: for f32
// and one input 8 bytes per element, 0.6 G elements per ms at 4.8 TB/s. 16 bytes per access where
// the pointers are aligned; a thread keeps several in flight by striding over the grid.
#pragma once
#include "engine/backend/cuda/kernels/common.cuh"

namespace amcl::cuda {

template <int V, class Out, class Function, class... In>
__device__ void map_pack(const Function& function, Out* y, const Pack<In, V>&... x) {
  Pack<Out, V> result;
  AMCL_UNROLL
  for (int k = 0; k < V; ++k) result.values[k] = narrow_to<Out>(function(widen(x.values[k])...));
  store_pack<V>(y, result);
}

// y may be one of the inputs.
template <int V, class Out, class Function, class... In>
__global__ void __launch_bounds__(kBlockThreads)
    map_kernel(int64_t count, Function function, Out* y, const In*... x) {
  const int64_t packs = count / V;
  for (int64_t i = grid_thread(); i < packs; i += grid_threads())
    map_pack<V>(function, y + i * V, load_pack<V>(x + i * V)...);
  for (int64_t i = packs * V + grid_thread(); i < count; i += grid_threads())
    map_pack<1>(function, y + i, load_pack<1>(x + i)...);
}

}  // namespace amcl::cuda
