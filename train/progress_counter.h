// Progress of a command that goes through images once: "12800 of 50000 training images" on stderr.
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

  // `things`: "training images". Does nothing but read the clock until the next line is due.
  void update(int64_t done, int64_t count, const std::string& things);

 private:
  using Clock = std::chrono::steady_clock;

  ProgressOptions options_;
  std::FILE* file_;
  Clock::time_point last_draw_;
  bool drawn_ = false;
};

}  // namespace amcl
