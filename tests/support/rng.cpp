#include "tests/support/rng.h"

#include <algorithm>
#include <set>

namespace amcl::test {
namespace {

template <class Draw>
Tensor filled(Device& device, const Shape& shape, DType dtype, Draw draw) {
  std::vector<float> values;
  for (int64_t i = 0; i < shape.count(); ++i) values.push_back(draw());
  return Tensor::from_host<float>(device, shape, values, dtype);
}

}  // namespace

Tensor Rng::normal(Device& device, const Shape& shape, DType dtype) {
  return filled(device, shape, dtype, [this] { return stream_.normal(); });
}

Tensor Rng::uniform(Device& device, const Shape& shape, float low, float high, DType dtype) {
  return filled(device, shape, dtype, [&] { return stream_.uniform(low, high); });
}

std::vector<int64_t> Rng::sample(int64_t count, int64_t wanted) {
  std::set<int64_t> chosen;
  if (count <= wanted)
    for (int64_t i = 0; i < count; ++i) chosen.insert(i);
  while (static_cast<int64_t>(chosen.size()) < std::min(count, wanted))
    chosen.insert(stream_.below(static_cast<uint32_t>(count)));
  return {chosen.begin(), chosen.end()};
}

}  // namespace amcl::test
