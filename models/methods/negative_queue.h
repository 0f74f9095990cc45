// The keys of past batches that MoCo takes for negatives: a ring of unit rows per head, on the
// device (He, Fan, Wu, Xie, Girshick, CVPR 2020, section 3.2; spec S2.2).
#pragma once
#include <string>

#include "engine/nn/init.h"
#include "engine/nn/parameter.h"

namespace amcl {

class NegativeQueue {
 public:
  // Random unit rows, drawn from the seed. Throws Error(usage) unless capacity >= 1.
  NegativeQueue(Device& device, uint64_t seed, int64_t heads, int64_t capacity, int64_t features,
                DType dtype);

  const Tensor& keys() const { return keys_; }  // [C, K, d]
  // Where the next rows go, modulo K; a copy from the host. Rows written move it on.
  void set_place(int64_t place);
  // Rows [C, n, d] of unit length take the next places; of more than K rows the last K remain. Where
  // `gate` is not a number (engine/backend/step_gate.h) nothing changes.
  void write(const Tensor& rows, const Tensor& nullable_gate);
  // prefix.*.keys
  void visit(const std::string& prefix, const ModuleVisitor& visitor);

 private:
  Tensor keys_;
  Tensor place_;  // [1] i32
};

}  // namespace amcl
