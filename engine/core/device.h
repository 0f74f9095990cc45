// The memory side of a backend: allocation and copies. engine/backend/backend.h adds the kernels.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "engine/core/allocator.h"
#include "engine/core/upload.h"

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

  // Bytes that could still be allocated, where the device has a memory of its own; nothing where that
  // is the host's.
  virtual std::optional<int64_t> free_memory() { return std::nullopt; }
  // Copies beside the device's work. The device must outlive them. Here they are made at once.
  virtual std::unique_ptr<Upload> open_upload();
  // Fixes host memory in place until the handle dies, so that uploads from it need nobody's help; it
  // must live as long. Null where that changes nothing.
  virtual std::shared_ptr<void> pin(void* /*block*/, size_t /*bytes*/) { return nullptr; }
};

}  // namespace amcl
