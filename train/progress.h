// Progress of a training run on stderr: a bar that redraws itself on a terminal, plain lines every
// few seconds elsewhere (log files, CI).
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace amcl {

struct ProgressOptions {
  bool terminal = false;       // redraw one line; otherwise plain lines
  bool color = false;          // ANSI colours
  int64_t columns = 80;        // of the terminal
  double bar_seconds = 0.1;    // least time between two redraws
  double line_seconds = 10.0;  // least time between two plain lines
};

// Whether to colour what goes to `file`: "always", "never", or "auto": on a terminal, unless
// NO_COLOR is set and not empty or TERM is "dumb".
bool use_color(std::FILE* file, const std::string& choice);

// For `file`: whether it is a terminal, how wide, and whether to colour.
ProgressOptions progress_options(std::FILE* file, const std::string& color);

// "1:02:03", "2:03"; "-:--" where nothing is known yet.
using DurationText = std::array<char, 48>;
DurationText duration_text(double seconds);

struct ProgressUpdate {
  int64_t step = 0;  // steps done, over all epochs
  int64_t epoch = 0;
  double loss = 0.0;
  double pairs_per_second = 0.0;
  const char* unit = "pairs";
  double loader_wait_share = 0.0;  // of the wall time, 0 to 1
};

class Progress {
 public:
  // `first_step` is where a resumed run begins, so that the time left is judged by this run's own
  // steps.
  Progress(const ProgressOptions& options, std::FILE* file, int64_t steps, int64_t epochs,
           int64_t first_step = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough for every step: does nothing but read the clock until the next redraw is due. The
  // last step is always shown.
  void update(const ProgressUpdate& update);
  // A line of its own ("checkpoint at step 40"), printable, without tearing the bar.
  void message(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;

  void draw(const ProgressUpdate& update, Clock::time_point now);
  void clear_bar();

  ProgressOptions options_;
  std::FILE* file_;
  int64_t steps_;
  int64_t epochs_;
  int64_t first_step_;
  Clock::time_point start_;
  Clock::time_point last_draw_;
  bool bar_drawn_ = false;
};

}  // namespace amcl
