// How the parts of the table of op cases are written: one function per section of ops.h.
#pragma once
#include <utility>
#include <vector>

#include "engine/core/philox.h"
#include "engine/op_cases/op_cases.h"
#include "engine/ops/ops.h"

namespace amcl {

using Inputs = std::span<const Tensor>;

// Draws inputs. Each section of the table has its own seed, so that a case added to one moves no
// other.
class InputRandom {
 public:
  explicit InputRandom(uint64_t section) : stream_(section, RandomPurpose::probe, 0, 0, 0) {}

  HostTensor normal(const Shape& shape) {
    return draw(shape, [this] { return stream_.normal(); });
  }
  HostTensor uniform(const Shape& shape, float low, float high) {
    return draw(shape, [this, low, high] { return stream_.uniform(low, high); });
  }

 private:
  template <class Draw>
  HostTensor draw(const Shape& shape, Draw draw_one) {
    HostTensor result{shape, {}};
    for (int64_t i = 0; i < shape.count(); ++i)
      result.values.push_back(static_cast<double>(draw_one()));
    return result;
  }

  RandomStream stream_;
};

// Winograd's algorithm on the cpu is off by up to 6e-6 at the shapes here.
inline constexpr double kConvTolerance = 3e-5;

void add_elementwise_cases(std::vector<OpCase>& cases);
void add_reduce_cases(std::vector<OpCase>& cases);
void add_matmul_cases(std::vector<OpCase>& cases);
void add_shape_cases(std::vector<OpCase>& cases);
void add_conv2d_cases(std::vector<OpCase>& cases);
void add_pool_cases(std::vector<OpCase>& cases);
void add_batch_norm_cases(std::vector<OpCase>& cases);
void add_row_cases(std::vector<OpCase>& cases);
void add_pair_cases(std::vector<OpCase>& cases);
void add_total_pair_cases(std::vector<OpCase>& cases);
void add_large_cases(std::vector<OpCase>& cases);

}  // namespace amcl
