#include "models/methods/negative_queue.h"

#include <vector>

#include "engine/backend/backend.h"
#include "engine/core/philox.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

Tensor normal_rows(Device& device, uint64_t seed, const Shape& shape, DType dtype) {
  std::vector<float> values(static_cast<size_t>(shape.count()));
  auto value = values.begin();
  for (int64_t row = 0; row < shape.rows(); ++row) {
    RandomStream random(seed, RandomPurpose::queue, 0, static_cast<uint64_t>(row), 0);
    for (int64_t i = 0; i < shape.back(); ++i) *value++ = random.normal();
  }
  return Tensor::from_host<float>(device, shape, values, dtype);
}

}  // namespace

NegativeQueue::NegativeQueue(Device& device, uint64_t seed, int64_t heads, int64_t capacity,
                             int64_t features, DType dtype) {
  AMCL_CHECK(capacity >= 1 && capacity <= INT32_MAX, "queue: must hold at least 1 key, got ",
             capacity);
  keys_ = l2_normalize(normal_rows(device, seed, Shape{heads, capacity, features}, dtype));
  place_ = Tensor::zeros(device, {1}, DType::i32);
}

void NegativeQueue::set_place(int64_t place) {
  const auto head = static_cast<int32_t>(place % keys_.dim(1));
  place_.device().copy_from_host(place_.raw(), &head, sizeof(head));
}

void NegativeQueue::write(const Tensor& rows, const Tensor& nullable_gate) {
  backend_of(keys_).write_ring(rows, nullable_gate, keys_, place_);
}

void NegativeQueue::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  visitor.buffer(join(prefix, "*.keys"), keys_);
}

}  // namespace amcl
