#include "train/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "train/printable.h"

namespace amcl {
namespace {

constexpr int kBarWidth = 20;
constexpr const char* kClearLine = "\r\x1b[K";

bool set_and_not_empty(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool dumb_terminal() {
  const char* name = std::getenv("TERM");
  return name == nullptr || std::string_view(name) == "dumb";
}

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

using Text = std::array<char, 256>;

void write_bar(double share, std::array<char, kBarWidth + 3>& text) {
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarWidth);
  text[0] = '[';
  for (int i = 0; i < kBarWidth; ++i) {
    text[static_cast<size_t>(i + 1)] = i < filled ? '=' : i == filled ? '>' : ' ';
  }
  text[kBarWidth + 1] = ']';
  text[kBarWidth + 2] = '\0';
}

}  // namespace

DurationText duration_text(double seconds) {
  DurationText text{};
  if (!std::isfinite(seconds)) {
    std::snprintf(text.data(), text.size(), "-:--");
    return text;
  }
  const auto total = static_cast<int64_t>(std::min(seconds, 3.5e6));
  const int hours = static_cast<int>(total / 3600);
  const int minutes = static_cast<int>(total / 60 % 60);
  const int rest = static_cast<int>(total % 60);
  if (hours > 0) {
    std::snprintf(text.data(), text.size(), "%d:%02d:%02d", hours, minutes, rest);
  } else {
    std::snprintf(text.data(), text.size(), "%d:%02d", minutes, rest);
  }
  return text;
}

bool use_color(std::FILE* file, const std::string& choice) {
  if (choice == "always") return true;
  if (choice == "never" || set_and_not_empty("NO_COLOR") || dumb_terminal()) return false;
  return isatty(fileno(file)) == 1;
}

ProgressOptions progress_options(std::FILE* file, const std::string& color) {
  ProgressOptions options;
  options.terminal = isatty(fileno(file)) == 1 && !dumb_terminal();
  options.color = use_color(file, color);
  winsize size{};
  if (ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.columns = size.ws_col;
  return options;
}

Progress::Progress(const ProgressOptions& options, std::FILE* file, int64_t steps, int64_t epochs,
                   int64_t first_step)
    : options_(options),
      file_(file),
      steps_(steps),
      epochs_(epochs),
      first_step_(first_step),
      start_(Clock::now()),
      last_draw_(start_) {}

Progress::~Progress() {
  if (bar_drawn_) std::fputc('\n', file_);
}

void Progress::update(const ProgressUpdate& update) {
  const Clock::time_point now = Clock::now();
  const double pause = options_.terminal ? options_.bar_seconds : options_.line_seconds;
  const bool first = last_draw_ == start_ && options_.terminal;
  const bool last = update.step == steps_;
  if (!first && !last && seconds_between(last_draw_, now) < pause) return;
  last_draw_ = now;
  draw(update, now);
}

void Progress::message(const std::string& text) {
  clear_bar();
  std::fprintf(file_, "%s\n", printable(text).c_str());
  std::fflush(file_);
}

void Progress::draw(const ProgressUpdate& update, Clock::time_point now) {
  const auto done = static_cast<double>(update.step - first_step_);
  const double seconds = seconds_between(start_, now);
  const double left = done > 0 ? seconds / done * static_cast<double>(steps_ - update.step)
                               : std::numeric_limits<double>::infinity();
  Text text{};
  std::snprintf(text.data(), text.size(),
                "step %lld/%lld  epoch %lld/%lld  loss %.4f  %.0f %s/s  wait %.0f%%  %s left",
                static_cast<long long>(update.step), static_cast<long long>(steps_),
                static_cast<long long>(update.epoch), static_cast<long long>(epochs_), update.loss,
                update.pairs_per_second, update.unit, 100.0 * update.loader_wait_share,
                duration_text(left).data());
  if (!options_.terminal) {
    std::fprintf(file_, "%s\n", text.data());
    std::fflush(file_);
    return;
  }
  std::array<char, kBarWidth + 3> bar{};
  write_bar(static_cast<double>(update.step) / static_cast<double>(std::max<int64_t>(steps_, 1)),
            bar);
  const char* color = options_.color ? "\x1b[36m" : "";
  const char* plain = options_.color ? "\x1b[0m" : "";
  // A line that wraps could not be cleared again; the bar itself goes first, then the tail.
  const int columns = static_cast<int>(std::max<int64_t>(options_.columns - 1, 1));
  if (columns > kBarWidth * 3) {
    std::fprintf(file_, "%s%s%s%s %.*s", kClearLine, color, bar.data(), plain,
                 columns - kBarWidth - 3, text.data());
  } else {
    std::fprintf(file_, "%s%.*s", kClearLine, columns, text.data());
  }
  std::fflush(file_);
  bar_drawn_ = true;
}

void Progress::clear_bar() {
  if (!bar_drawn_) return;
  std::fputs(kClearLine, file_);
  bar_drawn_ = false;
}

}  // namespace amcl
