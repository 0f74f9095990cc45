#include "engine/core/parallel_for.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "engine/core/check.h"
#include "engine/core/thread_group.h"

namespace amcl {

int compute_threads() {
  return omp_get_max_threads();
}

void set_compute_threads(int threads) {
  AMCL_CHECK(threads >= 1, "threads: must be at least 1, got ", threads);
  omp_set_num_threads(threads);
  check_compute_threads();
}

void parallel_for(int64_t count, int64_t grain,
                  const std::function<void(int64_t begin, int64_t end)>& body) {
  if (count <= 0) return;
  const int64_t ranges =
      std::clamp<int64_t>(count / std::max<int64_t>(grain, 1), 1, compute_threads());
  if (ranges == 1 || omp_in_parallel()) {
    body(0, count);
    return;
  }
  std::exception_ptr error;
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(ranges))
  for (int64_t range = 0; range < ranges; ++range) {
    try {
      body(count * range / ranges, count * (range + 1) / ranges);
    } catch (...) {
      if (!failed.test_and_set()) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace amcl
