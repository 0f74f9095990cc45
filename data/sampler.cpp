#include "data/sampler.h"

#include <numeric>
#include <span>

#include "engine/core/check.h"
#include "engine/core/philox.h"

namespace amcl {

std::vector<int64_t> epoch_order(uint64_t seed, uint32_t epoch, int64_t count) {
  AMCL_CHECK(count >= 0 && count <= UINT32_MAX, "sampler: ", count, " images are out of range");
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t{0});
  RandomStream random(seed, RandomPurpose::sampler, epoch, 0, 0);
  shuffle(std::span(order), random);
  return order;
}

}  // namespace amcl
