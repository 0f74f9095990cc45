#include "train/progress_counter.h"

#include <algorithm>

namespace amcl {

ProgressCounter::ProgressCounter(const ProgressOptions& options, std::FILE* file)
    : options_(options), file_(file), start_(Clock::now()), last_draw_(start_) {}

ProgressCounter::~ProgressCounter() {
  if (drawn_) std::fputs("\r\x1b[K", file_);
}

void ProgressCounter::update(int64_t done, int64_t count, const std::string& things) {
  const Clock::time_point now = Clock::now();
  if (things != things_) {
    things_ = things;
    first_ = done;
    start_ = now;
  }
  const double least = options_.terminal ? options_.bar_seconds : options_.line_seconds;
  if (std::chrono::duration<double>(now - last_draw_).count() < least) return;
  last_draw_ = now;
  drawn_ = options_.terminal;
  const double rate = static_cast<double>(done - first_) /
                      std::max(std::chrono::duration<double>(now - start_).count(), 1e-9);
  const double left =
      static_cast<double>(count - done) / rate;  // not finite before there is a rate
  std::fprintf(file_,
               options_.terminal ? "\r%lld of %lld %s, %.0f a second, %s left\x1b[K"
                                 : "%lld of %lld %s, %.0f a second, %s left\n",
               static_cast<long long>(done), static_cast<long long>(count), things.c_str(), rate,
               duration_text(left).data());
  std::fflush(file_);
}

}  // namespace amcl
