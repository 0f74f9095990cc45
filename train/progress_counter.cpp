#include "train/progress_counter.h"

namespace amcl {

ProgressCounter::ProgressCounter(const ProgressOptions& options, std::FILE* file)
    : options_(options), file_(file), last_draw_(Clock::now()) {}

ProgressCounter::~ProgressCounter() {
  if (drawn_) std::fputs("\r\x1b[K", file_);
}

void ProgressCounter::update(int64_t done, int64_t count, const std::string& things) {
  const Clock::time_point now = Clock::now();
  const double least = options_.terminal ? options_.bar_seconds : options_.line_seconds;
  if (std::chrono::duration<double>(now - last_draw_).count() < least) return;
  last_draw_ = now;
  drawn_ = options_.terminal;
  std::fprintf(file_, options_.terminal ? "\r%lld of %lld %s\x1b[K" : "%lld of %lld %s\n",
               static_cast<long long>(done), static_cast<long long>(count), things.c_str());
  std::fflush(file_);
}

}  // namespace amcl
