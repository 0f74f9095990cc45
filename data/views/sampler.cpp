#include "data/views/sampler.h"

#include <algorithm>
#include <numeric>

#include "engine/core/check.h"
#include "engine/core/philox.h"

namespace amcl {
namespace {

// 0..count-1 in an order of equal steps, begin and step drawn at random: without memory for all of
// them.
class DrawnOrder {
 public:
  DrawnOrder(RandomStream random, int64_t count)
      : count_(count), next_(random.below(static_cast<uint32_t>(count))) {
    do {
      step_ = 1 + random.below(static_cast<uint32_t>(count));
    } while (std::gcd(step_, count) != 1);
  }

  int64_t next() {
    const int64_t drawn = next_;
    next_ = (next_ + step_) % count_;
    return drawn;
  }

 private:
  int64_t count_;
  int64_t next_;
  int64_t step_ = 1;
};

}  // namespace

std::vector<int64_t> epoch_order(uint64_t seed, uint32_t epoch, int64_t count) {
  AMCL_CHECK(count >= 0 && count <= UINT32_MAX, "sampler: ", count, " images are out of range");
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t{0});
  RandomStream random(seed, RandomPurpose::sampler, epoch, 0, 0);
  shuffle(std::span(order), random);
  return order;
}

bool replace_bad_images(std::span<int64_t> batch, std::span<const int64_t> bad, uint64_t seed,
                        uint32_t epoch, int64_t count,
                        const std::function<bool(int64_t place, int64_t image)>& use) {
  for (const int64_t place : bad) {
    int64_t& sample = batch[static_cast<size_t>(place)];
    // View 0 of the purpose is the order of the epoch.
    const RandomStream random(seed, RandomPurpose::sampler, epoch, static_cast<uint64_t>(sample),
                              /*view=*/1);
    const auto draw = [&](bool from_batch) {
      DrawnOrder order(random, count);
      for (int64_t tried = 0; tried < count; ++tried) {
        const int64_t image = order.next();
        const bool in_batch = std::find(batch.begin(), batch.end(), image) != batch.end();
        if (in_batch != from_batch || !use(place, image)) continue;
        sample = image;
        return true;
      }
      return false;
    };
    if (!draw(/*from_batch=*/false) && !draw(/*from_batch=*/true)) return false;
  }
  return true;
}

}  // namespace amcl
