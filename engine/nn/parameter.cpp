#include "engine/nn/parameter.h"

#include "engine/backend/backend.h"

namespace amcl {

Tensor Parameter::tracked(DType dtype) {
  if (dtype == value.dtype()) return tracked();
  if (!slot.gradient.defined()) slot.gradient = Tensor::empty_like(value);
  Tensor rounded = Tensor::empty(value.device(), value.shape(), dtype);
  backend_of(value).cast(value, rounded);
  return tape::leaf(rounded, slot);
}

}  // namespace amcl
