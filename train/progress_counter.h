// Progress of a command that goes through images once, on stderr: "12800 of 50000 training images,
// 1500 a second, 0:25 left".
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "train/progress.h"

namespace amcl {

class ProgressCounter {
 public:
  ProgressCounter(const ProgressOptions& options, std::FILE* file);
  // Removes what a terminal shows.
  ~ProgressCounter();
  ProgressCounter(const ProgressCounter&) = delete;
  ProgressCounter& operator=(const ProgressCounter&) = delete;

  // `things`: "training images". Does nothing but read the clock until the next line is due. The time
  // left is judged by what came since the first call with these things.
  void update(int64_t done, int64_t count, const std::string& things);

 private:
  using Clock = std::chrono::steady_clock;

  ProgressOptions options_;
  std::FILE* file_;
  std::string things_;
  int64_t first_ = 0;  // what was done of them at `start_`
  Clock::time_point start_;
  Clock::time_point last_draw_;
  bool drawn_ = false;
};

}  // namespace amcl
