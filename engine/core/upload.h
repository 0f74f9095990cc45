// Copies from host memory into one place of a device, again and again, beside the device's own work
// where it can do both at once.
#pragma once
#include <cstddef>

namespace amcl {

// Each round goes: start, acquire, then work that reads the place, release. Host memory is the
// caller's again once done() or wait() says so. None of this may be recorded (Device::capture).
class Upload {
 public:
  // Waits for a copy that is under way.
  virtual ~Upload() = default;

  // Copies as soon as the work given to the device before the last release(), or before this object
  // was made, is over.
  virtual void start(void* destination, const void* source, size_t bytes) = 0;
  // Work that is given to the device from here on comes after the copy.
  virtual void acquire() = 0;
  // Work that is given to the device from here on no longer reads the place.
  virtual void release() = 0;

  // Whether the copy is over; true before the first one.
  virtual bool done() = 0;
  virtual void wait() = 0;
};

}  // namespace amcl
