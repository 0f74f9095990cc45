// Initial values, drawn on the host from Philox keyed by (seed, index of the parameter in visit
// order), so that every backend starts from the same bits.
#pragma once
#include <cstdint>

#include "engine/core/device.h"
#include "engine/core/tensor.h"

namespace amcl {

// Numbers the parameters of a model as they are made.
class Initializer {
 public:
  Initializer(Device& device, uint64_t seed, DType dtype = DType::f32)
      : device_(device), seed_(seed), dtype_(dtype) {}

  // Normal with standard deviation sqrt(2 / fan_out), fan_out = K R S of a filter [K, R, S, C]
  // (torchvision's ResNet).
  Tensor kaiming_normal_fan_out(const Shape& filter);
  // Uniform in +-1/sqrt(fan_in).
  Tensor uniform_fan_in(const Shape& shape, int64_t fan_in);
  Tensor constant(const Shape& shape, double value);

  Device& device() const { return device_; }
  DType dtype() const { return dtype_; }

 private:
  Device& device_;
  uint64_t seed_;
  DType dtype_;
  uint64_t next_parameter_ = 0;
};

}  // namespace amcl
