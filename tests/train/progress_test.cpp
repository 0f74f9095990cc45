#include "train/progress.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

namespace amcl {
namespace {

// What `use` writes to a stream.
std::string written(const std::function<void(std::FILE*)>& use) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  use(file);
  std::rewind(file);
  std::string text;
  std::array<char, 4096> buffer{};
  for (size_t count = 0; (count = std::fread(buffer.data(), 1, buffer.size(), file)) > 0;) {
    text.append(buffer.data(), count);
  }
  std::fclose(file);
  return text;
}

ProgressUpdate at(int64_t step) {
  return {.step = step,
          .epoch = step / 10,
          .loss = 5.25,
          .pairs_per_second = 1234.4,
          .loader_wait_share = 0.031};
}

TEST_CASE("progress: plain lines come at intervals, and the last step always") {
  const std::string text = written([](std::FILE* file) {
    Progress progress({.line_seconds = 1000.0}, file, 100, 10);
    for (int64_t step = 1; step <= 100; ++step) progress.update(at(step));
  });
  CHECK(text == "step 100/100  epoch 10/10  loss 5.2500  1234 pairs/s  wait 3%  0:00 left\n");
}

TEST_CASE("progress: every step is a line where no interval is asked for") {
  const std::string text = written([](std::FILE* file) {
    Progress progress({.line_seconds = 0.0}, file, 5, 1);
    for (int64_t step = 1; step <= 5; ++step) progress.update(at(step));
  });
  CHECK(std::count(text.begin(), text.end(), '\n') == 5);
  CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("progress: on a terminal one line is redrawn and never wider than the terminal") {
  for (const int64_t columns : {200, 80, 30}) {
    const std::string text = written([&](std::FILE* file) {
      Progress progress({.terminal = true, .columns = columns, .bar_seconds = 0.0}, file, 4, 1);
      for (int64_t step = 1; step <= 4; ++step) progress.update(at(step));
    });
    CHECK(std::count(text.begin(), text.end(), '\r') == 4);
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(text.back() == '\n');
    size_t begin = 0;
    while ((begin = text.find("\r\x1b[K", begin)) != std::string::npos) {
      begin += 4;
      const size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
      CHECK(static_cast<int64_t>(end - begin) < columns);
    }
    CHECK((text.find("[=====") != std::string::npos) == (columns >= 80));
  }
}

TEST_CASE("progress: a message takes the bar's line and the bar comes back below") {
  const std::string text = written([](std::FILE* file) {
    Progress progress({.terminal = true, .bar_seconds = 0.0}, file, 10, 1);
    progress.update(at(1));
    progress.message("checkpoint at step 1");
    progress.update(at(2));
  });
  CHECK(text.find("\r\x1b[Kcheckpoint at step 1\n\r\x1b[K") != std::string::npos);
}

TEST_CASE("progress: a resumed run judges the time left by its own steps") {
  const std::string text = written([](std::FILE* file) {
    Progress progress({.line_seconds = 0.0}, file, 1000, 10, /*first_step=*/900);
    progress.update(at(900));
  });
  CHECK(text.find("step 900/1000") != std::string::npos);
  CHECK(text.find("-:-- left") != std::string::npos);
}

TEST_CASE("progress: a stream that is no terminal gets plain text unless colour is forced") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  CHECK_FALSE(progress_options(file, "auto").terminal);
  CHECK_FALSE(use_color(file, "auto"));
  CHECK_FALSE(use_color(file, "never"));
  CHECK(use_color(file, "always"));
  std::fclose(file);
}

}  // namespace
}  // namespace amcl
