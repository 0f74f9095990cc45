// The launch of map_kernel: how many elements per access, how many blocks.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/backend/cuda/kernels/map.cuh"

namespace amcl::cuda {

inline bool aligned_for_packs(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % 16 == 0;
}

// Enough for every multiprocessor to be full (132 on an H200, 2048 threads each), so that a thread
// strides over the rest.
inline constexpr int64_t kMapBlocks = 2112;

template <class Out, class Function, class... In>
void launch_map(const char* name, StreamHandle stream, int64_t count, const Function& function,
                Out* y, const In*... x) {
  if (count == 0) return;
  constexpr int kPack = static_cast<int>(16 / std::max({sizeof(Out), sizeof(In)...}));
  const bool packs = (aligned_for_packs(y) && ... && aligned_for_packs(x));
  const int64_t units = packs ? (count + kPack - 1) / kPack : count;
  const LaunchShape shape{.grid_x = static_cast<unsigned>(
                              std::min((units + kBlockThreads - 1) / kBlockThreads, kMapBlocks)),
                          .block_x = kBlockThreads};
  if (packs)
    launch(name, shape, stream, &map_kernel<kPack, Out, Function, In...>, count, function, y, x...);
  else
    launch(name, shape, stream, &map_kernel<1, Out, Function, In...>, count, function, y, x...);
}

}  // namespace amcl::cuda
