#include "data/views/sampler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace amcl {
namespace {

TEST_CASE("sampler: an epoch is a permutation, another for each seed and epoch") {
  const std::vector<int64_t> order = epoch_order(1, 0, 1000);
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> all(1000);
  std::iota(all.begin(), all.end(), int64_t{0});
  CHECK(sorted == all);
  CHECK(order != all);
  CHECK(order == epoch_order(1, 0, 1000));
  CHECK(order != epoch_order(1, 1, 1000));
  CHECK(order != epoch_order(2, 0, 1000));
  CHECK(epoch_order(1, 0, 0).empty());
  CHECK(epoch_order(1, 0, 1) == std::vector<int64_t>{0});
}

TEST_CASE("sampler: every image is equally likely at every place") {
  constexpr uint32_t kEpochs = 6000;
  std::array<std::array<int, 5>, 5> counts{};  // [place][image]
  for (uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
    const std::vector<int64_t> order = epoch_order(7, epoch, 5);
    for (size_t place = 0; place < 5; ++place) ++counts[place][static_cast<size_t>(order[place])];
  }
  // 1200 expected, standard deviation 31.
  for (const auto& place : counts)
    for (const int count : place) {
      CHECK(count > 1060);
      CHECK(count < 1340);
    }
}

}  // namespace
}  // namespace amcl
