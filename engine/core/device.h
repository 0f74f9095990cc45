// The memory side of a backend: allocation and copies. engine/backend/backend.h adds the kernels.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/core/allocator.h"
#include "engine/core/upload.h"

namespace amcl {

// Work that a device has recorded. It is done again at each replay: on the addresses and with the
// numbers that it was recorded with, after all work given to the device before.
class CapturedWork {
 public:
  virtual ~CapturedWork() = default;
  virtual void replay() = 0;
};

// Values on their way to the host.
class PendingRead {
 public:
  virtual ~PendingRead() = default;
  // Waits for them. They stay until the object dies.
  virtual const double* wait() = 0;
};

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
  // lives as long, in pages of its own (whole_pages.h). Null where that changes nothing.
  virtual std::shared_ptr<void> pin(void* /*block*/, size_t /*bytes*/) { return nullptr; }

  // `count` f64 values as they are after all work given before; the host need not wait for them
  // until it wants them, and may give more work meanwhile. Here they are read at once.
  virtual std::unique_ptr<PendingRead> read_later(const void* source, size_t count);

  // Whether the device works on while the host does something else.
  virtual bool is_asynchronous() const { return false; }
  // Whether capture() is there.
  virtual bool can_capture() const { return false; }
  // Calls `work` once, on this thread: what it gives the device is recorded and not done. Memory that
  // `work` allocates and releases stays with the recording (PooledAllocator); a copy from or to the
  // host, or a wait, throws Error(internal). Not to be nested.
  virtual std::unique_ptr<CapturedWork> capture(const std::function<void()>& work);
};

}  // namespace amcl
