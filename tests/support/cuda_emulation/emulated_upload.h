// An upload that copies as late as a GPU may: when the device's work waits for it, or the host. Host
// memory that is reused too early, and work that does not wait, therefore show in what arrives. Calls
// out of turn are an Error.
#pragma once
#include <cstring>

#include "engine/core/check.h"
#include "engine/core/upload.h"

namespace amcl::emulation {

class EmulatedUpload final : public Upload {
 public:
  void start(void* destination, const void* source, size_t bytes) override {
    AMCL_CHECK(known_done_, "upload: started while the copy before may read the same memory");
    AMCL_CHECK(released_, "upload: started while the device reads what the copy before brought");
    destination_ = destination;
    source_ = source;
    bytes_ = bytes;
    known_done_ = false;
    released_ = false;
    acquired_ = false;
  }
  void acquire() override {
    AMCL_CHECK(!acquired_, "upload: acquired twice");
    copy();
    acquired_ = true;
  }
  void release() override {
    AMCL_CHECK(acquired_, "upload: released but not acquired");
    released_ = true;
  }
  // Not over yet when first asked.
  bool done() override {
    if (!known_done_ && ++questions_ % 2 == 1) return false;
    wait();
    return true;
  }
  void wait() override {
    copy();
    known_done_ = true;
  }

 private:
  void copy() {
    if (bytes_ > 0) std::memcpy(destination_, source_, bytes_);
    bytes_ = 0;
  }

  void* destination_ = nullptr;
  const void* source_ = nullptr;
  size_t bytes_ = 0;  // still to copy
  bool known_done_ = true;
  bool acquired_ = true;
  bool released_ = true;
  int questions_ = 0;
};

}  // namespace amcl::emulation
