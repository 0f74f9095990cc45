#include "engine/op_cases/op_cases.h"

#include <algorithm>

#include "engine/op_cases/op_case_builder.h"
#include "engine/op_cases/relative_error.h"

namespace amcl {
namespace {

class PoisonScope {
 public:
  explicit PoisonScope(Backend& backend) : allocator_(backend.allocator()) {
    allocator_.poison(true);
  }
  ~PoisonScope() { allocator_.poison(false); }
  PoisonScope(const PoisonScope&) = delete;
  PoisonScope& operator=(const PoisonScope&) = delete;

 private:
  Allocator& allocator_;
};

Tensor upload(const HostTensor& host, Backend& backend, DType dtype) {
  return Tensor::from_host<double>(backend, host.shape, host.values, dtype);
}

std::vector<OpCase> make_op_cases() {
  std::vector<OpCase> cases;
  add_elementwise_cases(cases);
  add_reduce_cases(cases);
  add_matmul_cases(cases);
  add_conv2d_cases(cases);
  add_pool_cases(cases);
  add_batch_norm_cases(cases);
  add_row_cases(cases);
  add_shape_cases(cases);
  add_pair_cases(cases);
  add_total_pair_cases(cases);
  add_large_cases(cases);
  return cases;
}

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = make_op_cases();
  return cases;
}

OpEvaluation evaluate(const OpCase& op_case, Backend& backend, DType dtype) {
  const PoisonScope poison(backend);
  const TapeScope scope;
  std::vector<GradientSlot> slots(op_case.inputs.size());
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < slots.size(); ++i) {
    const Tensor input = upload(op_case.inputs[i], backend, dtype);
    slots[i].gradient = Tensor::empty_like(input);
    inputs.push_back(op_case.differentiable ? tape::leaf(input, slots[i]) : input);
  }
  const Tensor y = op_case.function(inputs);
  OpEvaluation result{y.to_host<double>(), {}};
  if (!op_case.differentiable) return result;

  const Tensor cotangent = upload(InputRandom(0).normal(y.shape()), backend, y.dtype());
  tape::backward(std::span(&y, 1), std::span(&cotangent, 1));
  for (const GradientSlot& slot : slots)
    result.gradients.push_back(slot.gradient.to_host<double>());
  return result;
}

double largest_error(const OpCase& op_case, const OpEvaluation& got, const OpEvaluation& want) {
  double worst = relative_error(got.output, want.output, op_case.floor);
  for (size_t i = 0; i < want.gradients.size(); ++i)
    worst = std::max(worst, relative_error(got.gradients[i], want.gradients[i], op_case.floor));
  return worst;
}

}  // namespace amcl
