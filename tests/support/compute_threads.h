// Another number of compute threads for as long as it lives.
#pragma once
#include "engine/core/parallel_for.h"

namespace amcl::test {

class ComputeThreads {
 public:
  explicit ComputeThreads(int threads) : before_(compute_threads()) {
    set_compute_threads(threads);
  }
  ComputeThreads(const ComputeThreads&) = delete;
  ComputeThreads& operator=(const ComputeThreads&) = delete;
  ~ComputeThreads() { set_compute_threads(before_); }

 private:
  int before_;
};

}  // namespace amcl::test
