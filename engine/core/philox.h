// Philox 4x32-10: counter-based random numbers (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A number is a pure function of key and counter, so that
// any thread, worker or device draws the same one, and a resumed run needs no generator state.
#pragma once
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

#include "engine/core/host_device.h"

namespace amcl {

// What a stream of random numbers is for. The values are part of a run's identity: never renumber.
enum class RandomPurpose : uint32_t {
  initialization = 1,
  sampler = 2,
  augmentation = 3,
  shapes = 4,
  synthetic = 5,
  probe = 6,
  queue = 7,
  shuffle = 8,
  directions = 9,
  labels = 10,
};

struct Philox4 {
  uint32_t value[4];
};

AMCL_HOST_DEVICE inline Philox4 philox4x32(uint64_t key, Philox4 counter) {
  auto key0 = static_cast<uint32_t>(key);
  auto key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter.value[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter.value[2];
    counter = {{static_cast<uint32_t>(product1 >> 32) ^ counter.value[1] ^ key0,
                static_cast<uint32_t>(product1),
                static_cast<uint32_t>(product0 >> 32) ^ counter.value[3] ^ key1,
                static_cast<uint32_t>(product0)}};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

// The stream of numbers of one (seed, purpose, epoch, sample, view), drawn in order.
class RandomStream {
 public:
  AMCL_HOST_DEVICE RandomStream(uint64_t seed, RandomPurpose purpose, uint32_t epoch,
                                uint64_t sample, uint32_t view)
      : key_(seed ^ (uint64_t{static_cast<uint32_t>(purpose)} << 56)),
        counter_{{0, (view << 24) ^ epoch, static_cast<uint32_t>(sample),
                  static_cast<uint32_t>(sample >> 32)}} {}

  AMCL_HOST_DEVICE uint32_t bits() {
    if (used_ == 4) {
      block_ = philox4x32(key_, counter_);
      ++counter_.value[0];
      used_ = 0;
    }
    return block_.value[used_++];
  }
  // Uniform in [0, 1), 24 bits.
  AMCL_HOST_DEVICE float uniform() { return static_cast<float>(bits() >> 8) * 0x1p-24f; }
  AMCL_HOST_DEVICE float uniform(float low, float high) { return low + (high - low) * uniform(); }
  // Uniform integer in [0, n), n >= 1; the bias is below n / 2^64.
  AMCL_HOST_DEVICE uint32_t below(uint32_t n) {
    const uint64_t wide = (uint64_t{bits()} << 32) | bits();
#if defined(__SIZEOF_INT128__)
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint32_t>((static_cast<Wide>(wide) * n) >> 64);
#else
    return static_cast<uint32_t>(wide % n);
#endif
  }
  // Standard normal by Box and Muller.
  AMCL_HOST_DEVICE float normal() {
    const float radius = std::sqrt(-2.0f * std::log(1.0f - uniform()));
    return radius * std::cos(6.28318530717958647692f * uniform());
  }

 private:
  uint64_t key_;
  Philox4 counter_;
  Philox4 block_{};
  int used_ = 4;
};

// All orders of `values` with the same probability (Fisher and Yates); at most 2^32 - 1 of them.
template <class T>
void shuffle(std::span<T> values, RandomStream& random) {
  for (size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[random.below(static_cast<uint32_t>(i))]);
}

}  // namespace amcl
