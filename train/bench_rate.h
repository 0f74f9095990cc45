// What the benchmarks of data measure with: rates, in one thread or in several.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>

namespace amcl {

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Works for about `seconds` and returns how many things it made.
using TimedWork = std::function<int64_t(double seconds)>;

// Median over five runs of what `work` makes per second; `seconds` for all of them.
double median_rate(double seconds, const TimedWork& work);

// The sum of what work(thread, seconds) makes in `threads` threads side by side.
int64_t work_in_threads(int64_t threads, double seconds,
                        const std::function<int64_t(uint32_t thread, double seconds)>& work);

}  // namespace amcl
