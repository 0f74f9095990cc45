// Random tensors for tests, a pure function of the seed.
#pragma once
#include <vector>

#include "engine/backend/backend.h"
#include "engine/core/philox.h"

namespace amcl::test {

class Rng {
 public:
  explicit Rng(uint64_t seed) : stream_(seed, RandomPurpose::probe, 1, 0, 0) {}

  // Values are representable in f32, whatever the dtype.
  Tensor normal(Device& device, const Shape& shape, DType dtype = DType::f64);
  Tensor uniform(Device& device, const Shape& shape, float low, float high,
                 DType dtype = DType::f64);
  // `wanted` different numbers below `count`, in ascending order; all of them if there are fewer.
  std::vector<int64_t> sample(int64_t count, int64_t wanted);

 private:
  RandomStream stream_;
};

}  // namespace amcl::test
