// Compute threads. They live on the OpenMP runtime that oneDNN uses as well, so that one pool
// serves both and the cores are never oversubscribed.
#pragma once
#include <cstdint>
#include <functional>

namespace amcl {

// The number of compute threads of this process (default: the cores this process may run on).
int compute_threads();
// threads >= 1, else Error(usage).
void set_compute_threads(int threads);

// Calls body(begin, end) over disjoint ranges that cover [0, count), one per thread at most, each
// of at least `grain` items. The ranges depend on count, grain and the number of threads only. An
// exception thrown by a body is rethrown here. Calls inside a body run on the caller's thread.
void parallel_for(int64_t count, int64_t grain,
                  const std::function<void(int64_t begin, int64_t end)>& body);

}  // namespace amcl
