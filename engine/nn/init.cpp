#include "engine/nn/init.h"

#include <cmath>
#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/core/parallel_for.h"
#include "engine/core/philox.h"

namespace amcl {
namespace {

// Each leading row of a parameter has a stream of its own, so that the rows can be drawn in
// parallel and the bits depend on the seed and the parameter's number only.
template <class Draw>
Tensor draw_rows(Device& device, const Shape& shape, DType dtype, uint64_t seed, uint64_t parameter,
                 const Draw& draw) {
  const int64_t rows = shape[0];
  const int64_t row_size = rows == 0 ? 0 : shape.count() / rows;
  std::vector<float> values(static_cast<size_t>(shape.count()));
  parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      RandomStream random(seed, RandomPurpose::initialization, static_cast<uint32_t>(row),
                          parameter, 0);
      for (int64_t i = 0; i < row_size; ++i)
        values[static_cast<size_t>(row * row_size + i)] = draw(random);
    }
  });
  return Tensor::from_host(device, shape, std::span<const float>(values), dtype);
}

}  // namespace

Tensor Initializer::kaiming_normal_fan_out(const Shape& filter) {
  AMCL_CHECK(filter.rank() == 4, "init: a filter must be [K, R, S, C], got ", filter);
  const auto fan_out = static_cast<double>(filter[0] * filter[1] * filter[2]);
  const auto deviation = static_cast<float>(std::sqrt(2.0 / fan_out));
  return draw_rows(device_, filter, dtype_, seed_, next_parameter_++,
                   [deviation](RandomStream& random) { return deviation * random.normal(); });
}

Tensor Initializer::uniform_fan_in(const Shape& shape, int64_t fan_in) {
  AMCL_CHECK(shape.rank() >= 1 && fan_in >= 1, "init: fan_in must be at least 1, got ", fan_in,
             " for a parameter ", shape);
  const auto bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(fan_in)));
  return draw_rows(device_, shape, dtype_, seed_, next_parameter_++,
                   [bound](RandomStream& random) { return random.uniform(-bound, bound); });
}

Tensor Initializer::constant(const Shape& shape, double value) {
  ++next_parameter_;
  Tensor result = Tensor::empty(device_, shape, dtype_);
  backend_of(result).fill(result, value);
  return result;
}

}  // namespace amcl
