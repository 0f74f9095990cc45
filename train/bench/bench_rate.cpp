#include "train/bench/bench_rate.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "engine/core/thread_group.h"
#include "train/bench/bench_figures.h"

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
  {
    const ThreadGroup workers(
        threads,
        [&](int64_t thread) {
          made[static_cast<size_t>(thread)] = work(static_cast<uint32_t>(thread), seconds);
        },
        [] {});
  }
  return std::accumulate(made.begin(), made.end(), int64_t{0});
}

double copying_microseconds(const ViewTraffic& traffic, double seconds) {
  const size_t crop_bytes = traffic.crop_bytes();
  const size_t view_bytes = traffic.view_bytes;
  const std::vector<uint8_t> images(traffic.image_bytes * static_cast<size_t>(traffic.images), 1);
  // Source and destinations of the view: the crop is copied into it again and again.
  std::vector<uint8_t> views(view_bytes * static_cast<size_t>(traffic.views_at_once));
  const double rate = median_rate(seconds, [&](double time) {
    int64_t made = 0;
    for (const Stopwatch stopwatch; stopwatch.seconds() < time; ++made) {
      uint8_t* view = views.data() + static_cast<size_t>(made % traffic.views_at_once) * view_bytes;
      const uint8_t* crop =
          images.data() + static_cast<size_t>(made * 7 % traffic.images) * traffic.image_bytes;
      for (size_t done = 0; done < view_bytes; done += crop_bytes)
        std::memcpy(view + done, crop, std::min(crop_bytes, view_bytes - done));
    }
    return made;
  });
  return 1e6 / rate;
}

}  // namespace amcl
