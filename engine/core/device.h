// The memory side of a backend: allocation and copies. engine/backend/backend.h adds the kernels.
#pragma once
#include <cstddef>

#include "engine/core/allocator.h"

namespace amcl {

class Device {
 public:
  virtual ~Device() = default;

  virtual const char* name() const = 0;
  virtual Allocator& allocator() = 0;

  // Copies of `bytes`; ordered after all work given to the device before, and complete on return
  // where the host reads (to_host). `source` of from_host may be reused on return.
  virtual void copy_from_host(void* destination, const void* source, size_t bytes) = 0;
  virtual void copy_to_host(void* destination, const void* source, size_t bytes) = 0;
  virtual void copy(void* destination, const void* source, size_t bytes) = 0;
  virtual void fill_zero(void* destination, size_t bytes) = 0;
  // Waits until all work given to the device is done.
  virtual void synchronize() = 0;
};

}  // namespace amcl
