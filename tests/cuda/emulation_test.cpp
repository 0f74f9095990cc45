// The emulation of a GPU itself: what it computes, and that it finds what a GPU would not tell.
#include <doctest/doctest.h>

#include <numeric>
#include <set>
#include <vector>

#include "engine/backend/cuda/device_code.h"
#include "engine/core/check.h"
#include "tests/support/cuda_emulation/guarded_allocator.h"

namespace amcl::cuda {
namespace {

constexpr uint64_t kOrders = 6;

template <class... Parameters, class... Arguments>
void launch_in_order(uint64_t order, const LaunchShape& shape, void (*kernel)(Parameters...),
                     Arguments... arguments) {
  emulation::Stream stream{order};
  launch("test_kernel", shape, &stream, kernel, arguments...);
}

// The message of the Error that the launch ends with in ascending order; empty for none.
template <class... Parameters, class... Arguments>
std::string refusal(const LaunchShape& shape, void (*kernel)(Parameters...),
                    Arguments... arguments) {
  try {
    launch_in_order(0, shape, kernel, arguments...);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

__global__ void places_kernel(int* visits) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  ++visits[block * blockDim.count() + thread];
}

TEST_CASE("emulation: every thread of every block runs once, in any order") {
  for (uint64_t order = 0; order < kOrders; ++order) {
    std::vector<int> visits(2 * 3 * 4 * 5 * 7);
    launch_in_order(order, {.grid_x = 2, .grid_y = 3, .grid_z = 4, .block_x = 5, .block_y = 7},
                    places_kernel, visits.data());
    CHECK(visits == std::vector<int>(visits.size(), 1));
  }
}

// Sums 64 numbers in shared memory; without the barrier some orders read what is not there yet.
template <bool kBarrier>
__global__ void tree_kernel(const float* x, float* sum) {
  AMCL_SHARED(float, partial, 64);
  const unsigned t = threadIdx.x;
  partial[t] = x[t];
  for (unsigned half = 32; half > 0; half /= 2) {
    if constexpr (kBarrier) __syncthreads();
    if (t < half) partial[t] += partial[t + half];
  }
  if (t == 0) *sum = partial[0];
}

template <bool kBarrier>
std::set<float> sums_over_orders() {
  std::vector<float> x(64);
  std::iota(x.begin(), x.end(), 0.0f);
  std::set<float> sums;
  for (uint64_t order = 0; order < kOrders; ++order) {
    float sum = 0.0f;
    launch_in_order(order, {.block_x = 64}, tree_kernel<kBarrier>, x.data(), &sum);
    // NaN is not ordered: shared memory nobody wrote counts as -1.
    sums.insert(sum == sum ? sum : -1.0f);
  }
  return sums;
}

TEST_CASE("emulation: a sum in shared memory is right in every order") {
  CHECK(sums_over_orders<true>() == std::set<float>{2016.0f});
}

TEST_CASE("emulation: a missing barrier shows") {
  CHECK(sums_over_orders<false>() != std::set<float>{2016.0f});
}

// A warp passes a value through shared memory; lanes need a barrier of their own too.
template <bool kBarrier>
__global__ void pass_kernel(int* y) {
  AMCL_SHARED(int, slots, 32);
  const auto lane = static_cast<int>(threadIdx.x);
  slots[lane] = lane;
  if constexpr (kBarrier) __syncwarp();
  y[lane] = slots[31 - lane];
}

TEST_CASE("emulation: a missing __syncwarp shows") {
  std::vector<int> reversed(32);
  for (int lane = 0; lane < 32; ++lane) reversed[static_cast<size_t>(lane)] = 31 - lane;
  for (uint64_t order = 0; order < kOrders; ++order) {
    std::vector<int> y(32);
    launch_in_order(order, {.block_x = 32}, pass_kernel<true>, y.data());
    CHECK(y == reversed);
    launch_in_order(order, {.block_x = 32}, pass_kernel<false>, y.data());
    CHECK(y != reversed);
  }
}

// Warps exchange sums twice through the same memory: between the two a barrier must hold back those
// that would already write.
template <bool kBarrier>
__global__ void twice_kernel(int* y) {
  AMCL_SHARED(int, of_warp, 2);
  const auto t = static_cast<int>(threadIdx.x);
  for (int round = 1; round <= 2; ++round) {
    __syncwarp();
    if (t % 32 == 0) of_warp[t / 32] = round;
    __syncthreads();
    y[t] = y[t] * 100 + of_warp[0] * 10 + of_warp[1];
    if constexpr (kBarrier) __syncthreads();
  }
}

TEST_CASE("emulation: a warp that runs ahead of another shows") {
  const std::vector<int> right(64, 1122);
  bool noticed = false;
  for (uint64_t order = 0; order < kOrders; ++order) {
    std::vector<int> y(64);
    launch_in_order(order, {.block_x = 64}, twice_kernel<true>, y.data());
    CHECK(y == right);
    std::vector<int> wrong(64);
    launch_in_order(order, {.block_x = 64}, twice_kernel<false>, wrong.data());
    noticed = noticed || wrong != right;
  }
  CHECK(noticed);
}

// Memory that a block leaves behind must not reach the next one.
__global__ void leftover_kernel(float* y) {
  AMCL_SHARED(float, slot, 1);
  y[blockIdx.x] = slot[0];
  slot[0] = 1.0f;
}

TEST_CASE("emulation: shared memory of each block begins as NaN") {
  std::vector<float> y(3, 0.0f);
  launch_in_order(0, {.grid_x = 3}, leftover_kernel, y.data());
  for (const float value : y) CHECK(value != value);
}

__global__ void warp_kernel(int* sums, unsigned* votes, double* from_five) {
  const auto t = static_cast<int>(threadIdx.x);
  int sum = t;
  for (int distance = 16; distance > 0; distance /= 2)
    sum += __shfl_xor_sync(kWholeWarp, sum, distance);
  sums[t] = sum;
  votes[t] = __ballot_sync(kWholeWarp, t % 3 == 0 ? 1 : 0);
  from_five[t] = __shfl_sync(kWholeWarp, t + 0.5, 5);
}

TEST_CASE("emulation: shuffles and votes see all lanes of their warp and no others") {
  for (uint64_t order = 0; order < kOrders; ++order) {
    std::vector<int> sums(64);
    std::vector<unsigned> votes(64);
    std::vector<double> from_five(64);
    launch_in_order(order, {.block_x = 64}, warp_kernel, sums.data(), votes.data(),
                    from_five.data());
    for (size_t t = 0; t < 64; ++t) {
      CHECK(sums[t] == (t < 32 ? 496 : 496 + 32 * 32));
      CHECK(votes[t] == (t < 32 ? 0x49249249u : 0x92492492u));
      CHECK(from_five[t] == (t < 32 ? 5.5 : 37.5));
    }
  }
}

__global__ void halves_kernel(int* y) {
  const auto t = static_cast<int>(threadIdx.x);
  const unsigned half = t < 16 ? 0xffffu : 0xffff0000u;
  for (int round = 0; round < (t < 16 ? 1 : 3); ++round)
    y[t] = __popc(__ballot_sync(half, y[t] == 0 ? 1 : 0));
}

TEST_CASE("emulation: parts of a warp go their own ways") {
  std::vector<int> y(32, 0);
  launch_in_order(2, {.block_x = 32}, halves_kernel, y.data());
  for (size_t t = 0; t < 32; ++t) CHECK(y[t] == 16);  // odd rounds count all of them
}

__global__ void early_exit_kernel() {
  if (threadIdx.x == 7) return;
  __syncthreads();
}

__global__ void split_kernel() {
  if (threadIdx.x < 16)
    __syncwarp();
  else
    __syncthreads();
}

__global__ void outside_mask_kernel() {
  __syncwarp(threadIdx.x == 0 ? 2u : 1u);
}

__global__ void outside_source_kernel() {
  if (threadIdx.x < 16) __shfl_sync(0xffffu, 1, 20);
}

__global__ void outside_shared_kernel(int index) {
  AMCL_SHARED(float, slots, 8);
  slots[index] = 0.0f;
}

__global__ void misaligned_kernel(float* x) {
  *aligned<16>(x + 1) = 0.0f;
}

TEST_CASE("emulation: refuses what CUDA leaves undefined, and says where") {
  CHECK(refusal({.block_x = 32}, early_exit_kernel) ==
        "kernel test_kernel, block (0, 0, 0), thread (7, 0, 0): ended without the barrier at which "
        "others of its block wait");
  CHECK(contains(refusal({.block_x = 32}, split_kernel), "lanes of its mask do not reach"));
  CHECK(contains(refusal({.block_x = 31}, pass_kernel<true>, static_cast<int*>(nullptr)),
                 "has ended or does not exist"));
  CHECK(contains(refusal({.block_x = 32}, outside_mask_kernel), "is not in the mask"));
  CHECK(contains(refusal({.block_x = 32}, outside_source_kernel), "from a lane outside the mask"));
  CHECK(refusal({.block_x = 1}, outside_shared_kernel, 7) == "");
  CHECK(contains(refusal({.block_x = 1}, outside_shared_kernel, 8), "outside its shared memory"));
  CHECK(contains(refusal({.block_x = 1}, outside_shared_kernel, -1), "outside its shared memory"));
  alignas(16) float x[4];
  CHECK(contains(refusal({.block_x = 1}, misaligned_kernel, static_cast<float*>(x)),
                 "that is not aligned"));
  CHECK(contains(refusal({.block_x = 1025}, early_exit_kernel), "CUDA has 1 to 1024"));
  CHECK(contains(refusal({.grid_y = 65536}, early_exit_kernel), "65535"));
}

TEST_CASE("emulation: goes on after a kernel that was refused") {
  CHECK(refusal({.block_x = 32}, early_exit_kernel) != "");
  CHECK(sums_over_orders<true>() == std::set<float>{2016.0f});
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("emulation: a write beside a block of memory is counted when it is released") {
  emulation::GuardedAllocator allocator;
  for (const int64_t place : {-1, 5}) {
    const int64_t before = allocator.overruns();
    auto* block = static_cast<char*>(allocator.allocate(5));
    block[4] = 0;
    allocator.release(block, 5);
    CHECK(allocator.overruns() == before);
    block = static_cast<char*>(allocator.allocate(5));
    block[place] = 0;
    allocator.release(block, 5);
    CHECK(allocator.overruns() == before + 1);
  }
  CHECK(allocator.use().in_use == 0);
}
#endif

}  // namespace
}  // namespace amcl::cuda
