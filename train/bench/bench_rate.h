// What the benchmarks of data measure with: rates, in one thread or in several.
#pragma once
#include <chrono>
#include <cstddef>
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

// What a view moves through memory at least.
struct ViewTraffic {
  size_t image_bytes = 0;  // of decoded pixels; 0.54 of them are in an average crop
  int64_t images = 0;      // from which crops are read in turn
  size_t view_bytes = 0;
  int64_t views_at_once = 1;  // into which they are written

  size_t crop_bytes() const { return image_bytes * 54 / 100; }
};

// Microseconds to read the bytes of an average crop and to write a view, at the rate at which this
// machine copies blocks of that size.
double copying_microseconds(const ViewTraffic& traffic, double seconds);

}  // namespace amcl
