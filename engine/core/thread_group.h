// Threads that start together and are joined together.
#pragma once
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace amcl {

class ThreadGroup {
 public:
  // Starts `count` threads, of which the i-th runs body(i). Where the system makes no more of them,
  // stop() is called, which must let those end that have started; they are joined, and Error(device)
  // names the remedy.
  ThreadGroup(int64_t count, const std::function<void(int64_t)>& body,
              const std::function<void()>& stop);
  ~ThreadGroup() { join(); }
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

 private:
  void join();

  std::vector<std::thread> threads_;
};

// Error(device) unless the system makes as many threads as compute_threads() at the same time. For
// the OpenMP runtime, which ends the process itself where it cannot make its own.
void check_compute_threads();

}  // namespace amcl
