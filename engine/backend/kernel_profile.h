// Where the time of kernels goes. A profile that a backend keeps (Backend::keep_profile) takes two
// readings of the clock per kernel, and on a GPU waits for its end; a backend without one looks at a
// pointer.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/backend/op_specs.h"
#include "engine/core/device.h"
#include "engine/core/tensor.h"

namespace amcl {

// What one call of a kernel does.
struct KernelWork {
  std::string name;         // its row of kernel_table.h
  std::string detail = {};  // products and convolutions: their extents
  double flops = 0.0;       // products and convolutions, as the direct sum counts them
  double bytes = 0.0;       // of all operands and results, each counted once
};

// All calls of one kernel on operands of one size.
struct KernelTime {
  KernelWork work;  // of all calls together
  int64_t calls = 0;
  double seconds = 0.0;
};

class KernelProfile {
 public:
  // Calls `kernel`, waits until the device is done with it, and counts it.
  void time(Device& device, const KernelWork& work, const std::function<void()>& kernel);
  void clear() { times_.clear(); }
  // The most expensive first.
  std::vector<KernelTime> times() const;

 private:
  std::map<std::pair<std::string, std::string>, KernelTime> times_;  // by name and detail
};

// Adds extents and FLOPs to the work of a call with these arguments: of products and convolutions,
// nothing of other kernels.
template <class... Arguments>
void describe_product(KernelWork& /*work*/, const Arguments&... /*arguments*/) {}
void describe_product(KernelWork& work, const Tensor& a, const Tensor& b, const MatmulSpec& spec,
                      const Tensor& c);
void describe_product(KernelWork& work, const Tensor& x, const Tensor& w, const Tensor& bias,
                      const Tensor& nullable_residual, const Conv2dSpec& spec, bool relu,
                      const Tensor& y);
// Of conv2d, conv2d_dx and conv2d_dw, each in the order of its parameters.
void describe_product(KernelWork& work, const Tensor& first, const Tensor& second,
                      const Conv2dSpec& spec, const Tensor& result);

template <class... Arguments>
KernelWork kernel_work(const char* name, const Arguments&... arguments) {
  const auto bytes_of = []<class Argument>(const Argument& argument) {
    double bytes = 0.0;
    if constexpr (std::is_same_v<Argument, Tensor>)
      bytes = argument.defined() ? static_cast<double>(argument.bytes()) : 0.0;
    else if constexpr (std::is_convertible_v<const Argument&, std::span<const Tensor>>)
      for (const Tensor& tensor : argument) bytes += static_cast<double>(tensor.bytes());
    return bytes;
  };
  KernelWork work{.name = name, .bytes = (bytes_of(arguments) + ...)};
  describe_product(work, arguments...);
  return work;
}

}  // namespace amcl
