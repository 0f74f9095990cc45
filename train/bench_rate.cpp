#include "train/bench_rate.h"

#include <numeric>
#include <thread>
#include <vector>

#include "train/bench_figures.h"

namespace amcl {

double median_rate(double seconds, const TimedWork& work) {
  std::vector<double> rates;
  work(seconds / 10.0);  // warm caches and memory
  for (int repeat = 0; repeat < 5; ++repeat) {
    const Stopwatch time;
    const int64_t made = work(seconds / 5.0);
    rates.push_back(static_cast<double>(made) / time.seconds());
  }
  return median(rates);
}

int64_t work_in_threads(int64_t threads, double seconds,
                        const std::function<int64_t(uint32_t thread, double seconds)>& work) {
  std::vector<int64_t> made(static_cast<size_t>(threads));
  std::vector<std::thread> workers;
  for (uint32_t thread = 0; thread < threads; ++thread)
    workers.emplace_back([&, thread] { made[thread] = work(thread, seconds); });
  for (std::thread& worker : workers) worker.join();
  return std::accumulate(made.begin(), made.end(), int64_t{0});
}

}  // namespace amcl
