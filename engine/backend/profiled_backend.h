// Times every kernel of a backend: a backend that hands each call on to another one and keeps count.
// Two readings of the clock per kernel, and on a GPU a wait for its end, unless the profile is
// paused; a run that does not ask for it has no part of it.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/backend/backend.h"

namespace amcl {

// One kernel on operands of one size.
struct KernelTime {
  std::string name;         // of the method in backend.h
  std::string detail = {};  // products and convolutions: their extents
  int64_t calls = 0;
  double seconds = 0.0;
  double flops = 0.0;  // products and convolutions, as the direct sum counts them
  double bytes = 0.0;  // of all operands and results, each counted once
};

class KernelProfile {
 public:
  void add(const KernelTime& call);
  void clear() { times_.clear(); }
  // While paused kernels run as without a profile.
  void pause(bool paused) { paused_ = paused; }
  bool paused() const { return paused_; }
  // The most expensive first.
  std::vector<KernelTime> times() const;

 private:
  std::map<std::pair<std::string, std::string>, KernelTime> times_;
  bool paused_ = false;
};

// `profile` must outlive the backend.
std::unique_ptr<Backend> profiled(std::unique_ptr<Backend> backend, KernelProfile& profile);

}  // namespace amcl
