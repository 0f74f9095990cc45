#include "engine/core/thread_group.h"

#include <latch>
#include <system_error>

#include "engine/core/check.h"
#include "engine/core/parallel_for.h"

namespace amcl {

ThreadGroup::ThreadGroup(int64_t count, const std::function<void(int64_t)>& body,
                         const std::function<void()>& stop) {
  threads_.reserve(static_cast<size_t>(count));
  try {
    for (int64_t i = 0; i < count; ++i) threads_.emplace_back(body, i);
  } catch (const std::exception& error) {
    stop();
    join();
    const auto* refused = dynamic_cast<const std::system_error*>(&error);
    if (refused == nullptr) throw;  // no memory
    fail(ErrorKind::device, "cannot start worker threads (", refused->code().message(), " at ",
         threads_.size() + 1, " of ", count,
         "): fewer --threads and --workers need less, or raise the limit (ulimit -u, ulimit -v)");
  }
}

void ThreadGroup::join() {
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void check_compute_threads() {
  std::latch all_there(1);
  const auto release = [&] { all_there.count_down(); };
  const ThreadGroup group(
      compute_threads() - 1, [&](int64_t) { all_there.wait(); }, release);
  release();
}

}  // namespace amcl
