#include "train/run/run_log.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <limits>

#include "engine/core/check.h"
#include "tests/io/in_child.h"
#include "tests/io/scratch_directory.h"

namespace amcl {
namespace {

using test::read_text;
using test::write_text;

LogRecord record_of(int64_t step) {
  return {{"step", step}, {"loss", 0.5}};
}

TEST_CASE("run log: one object per line, on disk as it is written") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("metrics.jsonl");
  RunLog log(path, 0);
  log.write({{"step", 0}, {"chance_loss", 5.25}});
  log.write({{"step", 1}, {"heads", {1.5, 2}}, {"rate", std::numeric_limits<double>::infinity()}});
  CHECK(read_text(path) ==
        "{\"step\":0,\"chance_loss\":5.25}\n{\"step\":1,\"heads\":[1.5,2],\"rate\":null}\n");
  CHECK_THROWS_AS(log.write({{"loss", 1}}), Error);
}

TEST_CASE("run log: a resumed run ends with the file of an uninterrupted one") {
  const test::ScratchDirectory directory;
  const std::string whole = directory.file("whole.jsonl");
  const std::string resumed = directory.file("resumed.jsonl");
  {
    RunLog log(whole, 0);
    for (int64_t step = 0; step <= 6; ++step) log.write(record_of(step));
  }
  {
    RunLog log(resumed, 0);
    for (int64_t step = 0; step <= 5; ++step) log.write(record_of(step));
  }
  write_text(resumed, read_text(resumed) + "{\"step\":6,\"lo");  // killed here
  {
    RunLog log(resumed, 3);  // the last checkpoint
    for (int64_t step = 4; step <= 6; ++step) log.write(record_of(step));
  }
  CHECK(read_text(resumed) == read_text(whole));
  {
    RunLog log(resumed, 0);
    log.write(record_of(0));
  }
  CHECK(read_text(resumed) == "{\"step\":0,\"loss\":0.5}\n");
}

TEST_CASE("run log: a file that was removed comes back with all its lines") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("metrics.jsonl");
  {
    RunLog log(path, 0);
    for (int64_t step = 0; step <= 2; ++step) log.write(record_of(step));
  }
  RunLog log(path, 1);
  const std::string kept = read_text(path);
  std::filesystem::remove(path);
  log.restore();
  CHECK(read_text(path) == kept);
  log.restore();
  log.write(record_of(2));
  CHECK(read_text(path) == kept + "{\"step\":2,\"loss\":0.5}\n");
}

TEST_CASE("run log: a resumed run whose log is lost begins a new one") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("metrics.jsonl");
  RunLog log(path, 7);
  log.write(record_of(8));
  CHECK(read_text(path) == "{\"step\":8,\"loss\":0.5}\n");
}

TEST_CASE("run log: a line that is no record is named, and nothing is cut") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("metrics.jsonl");
  const std::string text = "{\"step\":1}\nnonsense\n{\"step\":2}\n";
  write_text(path, text);
  CHECK_THROWS_WITH_AS(RunLog(path, 2), doctest::Contains("metrics.jsonl:2: not a JSON object"),
                       Error);
  CHECK(read_text(path) == text);
}

TEST_CASE("run log: a file that is too long for a log is refused unread, and stays") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("metrics.jsonl");
  write_text(path, "{\"step\":1}\n");
  std::filesystem::resize_file(path, uintmax_t{1} << 40);  // on the disk it is small
  CHECK_THROWS_WITH_AS(RunLog(path, 2), doctest::Contains("1099511627776 bytes long, too long"),
                       Error);
  CHECK(std::filesystem::file_size(path) == uintmax_t{1} << 40);
}

TEST_CASE("run log: a full disk leaves no part of a line") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("metrics.jsonl");
  CHECK(test::holds_in_child([&] {
    RunLog log(path, 0);
    log.write(record_of(1));
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{.rlim_cur = 30, .rlim_max = RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    try {
      log.write(record_of(2));
      return false;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::io) return false;
    }
    limit.rlim_cur = RLIM_INFINITY;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    log.write(record_of(3));
    return true;
  }));
  CHECK(read_text(path) == "{\"step\":1,\"loss\":0.5}\n{\"step\":3,\"loss\":0.5}\n");
}

}  // namespace
}  // namespace amcl
