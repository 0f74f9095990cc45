// kill -9 at random moments while checkpoints are written: whenever it comes, the newest checkpoint
// is complete, and no older than the one that the writer had finished.
#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "engine/core/check.h"
#include "engine/core/philox.h"
#include "tests/io/in_child.h"
#include "tests/io/scratch_directory.h"
#include "train/checkpoint/run_directory.h"
#include "train/checkpoint/run_files.h"

namespace amcl {
namespace {

constexpr int64_t kElements = 30'000;

SafetensorsFile checkpoint_of(int64_t step) {
  SafetensorsFile file;
  file.metadata["step"] = std::to_string(step);
  file.tensors["x"] = SafetensorsEntry::from(
      {kElements}, std::vector<int32_t>(kElements, static_cast<int32_t>(step)));
  return file;
}

// The step of a checkpoint whose content is whole.
int64_t step_of(const std::string& path) {
  const SafetensorsFile file = read_safetensors(path);  // checks structure and CRC
  const auto step = file.tensors.at("x").values<int64_t>().back();
  CHECK(file.metadata.at("step") == std::to_string(step));
  return step;
}

// A pipe whose reading end says how far the child got.
struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (::pipe(ends) != 0) fail(ErrorKind::internal, "pipe failed");
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
};

// Resumes (or begins) the run at `path` with step `first`, writes checkpoints, and is killed at a
// random moment after the first one, within the time of about two. Returns the last step of which
// the writer knew that it was written.
int64_t write_until_killed(const std::string& path, int64_t first, RandomStream& random) {
  using Clock = std::chrono::steady_clock;
  Pipe progress;
  const auto start = Clock::now();
  const pid_t child = test::start_child([&] {
    RunDirectory run = first == 1 ? RunDirectory::create(path, true) : RunDirectory::resume(path);
    for (int64_t step = first;; ++step) {
      run.write_checkpoint(checkpoint_of(step), 2);
      if (::write(progress.ends[1], &step, sizeof step) != sizeof step) return false;
    }
  });
  ::close(progress.ends[1]);
  progress.ends[1] = -1;
  int64_t last = 0;
  CHECK(::read(progress.ends[0], &last, sizeof last) == sizeof last);
  std::this_thread::sleep_for(2 * random.uniform() * (Clock::now() - start));
  ::kill(child, SIGKILL);
  CHECK_FALSE(test::wait_for_success(child));
  while (::read(progress.ends[0], &last, sizeof last) == sizeof last) {
  }
  return last;
}

void survive_kills(int trials) {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("run");
  RandomStream random(11, RandomPurpose::synthetic, 0, 0, 0);
  int64_t newest = 0;
  int half_written = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const int64_t last = write_until_killed(path, newest + 1, random);
    INFO("trial ", trial, ": killed after step ", last);
    half_written += std::filesystem::exists(path + "/checkpoint.safetensors.tmp") ? 1 : 0;
    const std::vector<std::string> checkpoints = list_checkpoints(path);
    REQUIRE_FALSE(checkpoints.empty());
    newest = step_of(checkpoints.front());
    CHECK(newest >= last);
    CHECK(newest <= last + 1);
    for (const std::string& checkpoint : checkpoints) step_of(checkpoint);
  }
  CHECK(half_written > trials / 10);  // else the kills came at harmless moments only
}

TEST_CASE("run directory: the newest checkpoint survives kill -9 (30 trials)") {
  survive_kills(30);
}

TEST_CASE("run directory: the newest checkpoint survives kill -9 (200 trials)" *
          doctest::skip()) {  // by `ctest -L slow`
  survive_kills(200);
}

}  // namespace
}  // namespace amcl
