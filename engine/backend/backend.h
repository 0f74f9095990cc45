// The seam between operations and devices. A Backend is a device, its stream, its memory and its
// kernels; which kernels there are, and what each of them does, is in kernel_table.h. engine/ops
// calls them through backend_of(x), backends implement them.
#pragma once
#include <span>
#include <string>
#include <utility>

#include "engine/backend/kernel_profile.h"
#include "engine/backend/op_specs.h"
#include "engine/backend/optimizer_rules.h"
#include "engine/core/device.h"
#include "engine/core/tensor.h"

namespace amcl {

class Backend : public Device {
 public:
  // Why activations of `dtype` have no use on this device (a clause), or nothing if they have.
  virtual std::string reason_against(DType /*dtype*/) const { return {}; }

  // From now on the kernels that operations call are timed; null, as at first: they are not. The
  // profile must outlive the calls.
  void keep_profile(KernelProfile* nullable_profile) { nullable_profile_ = nullable_profile; }
  KernelProfile* nullable_profile() const { return nullable_profile_; }

#define AMCL_KERNEL(name, ...) virtual void name(__VA_ARGS__) = 0;
#include "engine/backend/kernel_table.h"

 private:
  KernelProfile* nullable_profile_ = nullptr;
};

// The kernels of a backend as operations call them: backend_of(x).fill(x, 0.0). The one place where
// a call may be watched.
class KernelCalls {
 public:
  explicit KernelCalls(Backend& backend) : backend_(backend) {}
  operator Backend&() const { return backend_; }

#define AMCL_KERNEL(name, ...)                                                               \
  template <class... Arguments>                                                              \
  void name(Arguments&&... arguments) const {                                                \
    const auto call = [&] { backend_.name(std::forward<Arguments>(arguments)...); };         \
    if (KernelProfile* profile = backend_.nullable_profile(); profile != nullptr)            \
      return profile->time(backend_, kernel_work(#name, std::as_const(arguments)...), call); \
    call();                                                                                  \
  }
#include "engine/backend/kernel_table.h"

 private:
  Backend& backend_;
};

// The kernels of the device that holds x. Every Device of this engine is a Backend.
inline KernelCalls backend_of(const Tensor& x) {
  return KernelCalls(static_cast<Backend&>(x.device()));
}

}  // namespace amcl
