// The execution model of CUDA on the host: a grid of blocks of threads, barriers, warps.
//
// Blocks run one after the other, the threads of a block as fibres: each runs until it has to wait
// at a barrier or in a warp operation, then the next one does; mostly a warp runs as far as it can
// before another one starts. The order of blocks and, between two barriers, of threads is a
// permutation of `order`, so that a result that depends on an order which CUDA does not promise, as
// where a barrier is missing, differs between orders.
//
// What CUDA leaves undefined is an Error here, with kernel, block and thread: a barrier that a
// thread of the block has left out or cannot reach, a warp operation whose mask names a lane that
// has ended or names not the calling one, a shuffle from a lane outside the mask, a place outside
// shared memory, an access of 16 bytes that is not aligned.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

namespace amcl::emulation {

struct Extent3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;

  constexpr unsigned count() const { return x * y * z; }
};

struct Launch {
  const char* kernel = "kernel";
  Extent3 grid;
  Extent3 block;
  size_t shared_bytes = 0;  // dynamic shared memory
  // 0: ascending, 1: descending, else shuffled with this seed.
  uint64_t order = 0;
};

inline constexpr unsigned kWarpThreads = 32;
inline constexpr size_t kMaxBlockThreads = 1024;
// What a block gets without asking the driver for more.
inline constexpr size_t kMaxSharedBytes = 48 << 10;

// Calls `thread` once per thread of the grid. Throws what a thread throws.
void run(const Launch& launch, const std::function<void()>& thread);

// ---- for the code of a thread
// ---------------------------------------------------------------------

// Where the running thread is: CUDA's built-in variables.
struct Place {
  Extent3 thread_index;
  Extent3 block_index;
  Extent3 block_extent;
  Extent3 grid_extent;
};
inline thread_local Place here;

void block_barrier();

// The warp operations: each lane of `mask` brings `value` and gets what it asks for, once all of
// them have called the same operation with the same mask.
enum class WarpOperation { barrier, ballot, shuffle };
// `source`: the lane whose value is wanted (shuffle only).
uint64_t exchange(WarpOperation operation, unsigned mask, uint64_t value, unsigned source);
unsigned lane();

// The block's static shared memory that belongs to `site` (one per declaration and instantiation),
// filled with NaN when the block first asks; and the dynamic one.
void* shared_block(const void* site, size_t bytes);
void* dynamic_shared(size_t& bytes);

// Ends the launch with an Error that names kernel, block and thread.
[[noreturn]] void refuse(const char* what);

}  // namespace amcl::emulation
