#include "train/checkpoint/run_directory.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "engine/core/check.h"
#include "tests/io/in_child.h"
#include "tests/io/scratch_directory.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;
using test::read_text;
using test::write_text;

// A stand-in for a checkpoint: the directory cares for nothing but the step.
SafetensorsFile checkpoint_of(int64_t step, int64_t elements = 4) {
  SafetensorsFile file;
  file.metadata["step"] = std::to_string(step);
  file.tensors["x"] = SafetensorsEntry::from(
      {elements}, std::vector<float>(static_cast<size_t>(elements), static_cast<float>(step)));
  return file;
}

std::vector<std::string> steps_in(const std::string& directory) {
  std::vector<std::string> steps;
  for (const std::string& path : list_checkpoints(directory))
    steps.push_back(read_safetensors(path).metadata.at("step"));
  return steps;
}

template <class Body>
std::string message_of(ErrorKind kind, const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("run directory: the newest checkpoint has the fixed name, --keep in all stay") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("runs/a");
  const RunDirectory run = RunDirectory::create(path, false);
  run.write_checkpoint(checkpoint_of(2), 3);
  for (const int64_t step : {5, 10, 10, 15}) run.write_checkpoint(checkpoint_of(step), 3);
  CHECK(steps_in(path) == std::vector<std::string>{"15", "10", "5"});
  CHECK(run.checkpoint_path() == path + "/checkpoint.safetensors");
  CHECK(find_checkpoint(path) == run.checkpoint_path());
  CHECK(fs::exists(path + "/checkpoint-step-10.safetensors"));
  run.write_checkpoint(checkpoint_of(20), 1);
  CHECK(steps_in(path) == std::vector<std::string>{"20"});
}

TEST_CASE("run directory: a second run is refused while the first one lives") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  {
    const RunDirectory first = RunDirectory::create(path, false);
    first.write_checkpoint(checkpoint_of(1), 1);
    const auto create = [&] { RunDirectory::create(path, true); };
    const std::string message = message_of(ErrorKind::io, create);
    CHECK(contains(message, path + " is in use by process " + std::to_string(::getpid())));
    CHECK(message_of(ErrorKind::io, [&] { RunDirectory::resume(path); }) == message);
    CHECK(steps_in(path).size() == 1);
  }
  CHECK_NOTHROW(RunDirectory::resume(path));
}

TEST_CASE("run directory: a finished run is not overwritten unasked, and nothing else ever") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  {
    const RunDirectory run = RunDirectory::create(path, false);
    run.write_config("config");
    run.write_summary("summary");
    run.write_checkpoint(checkpoint_of(1), 2);
    run.write_checkpoint(checkpoint_of(2), 2);
    write_text(path + "/notes.txt", "mine");
    write_text(path + "/checkpoint-step-best.safetensors", "mine");
  }
  const std::string message =
      message_of(ErrorKind::usage, [&] { RunDirectory::create(path, false); });
  CHECK(contains(message, path + " holds a run already"));
  CHECK(contains(message, "--resume"));
  CHECK(contains(message, "--overwrite"));
  CHECK(read_text(path + "/config.toml") == "config");

  const RunDirectory run = RunDirectory::create(path, true);
  CHECK(list_checkpoints(path).empty());
  CHECK_FALSE(fs::exists(path + "/config.toml"));
  CHECK_FALSE(fs::exists(path + "/summary.json"));
  CHECK(read_text(path + "/notes.txt") == "mine");
  CHECK(read_text(path + "/checkpoint-step-best.safetensors") == "mine");
}

TEST_CASE("run directory: what a killed run left half-written is swept, other files stay") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  { RunDirectory::create(path, false).write_checkpoint(checkpoint_of(1), 1); }
  write_text(path + "/checkpoint.safetensors.tmp", "half");
  write_text(path + "/checkpoint-step-1.safetensors.tmp", "half");
  write_text(path + "/other.tmp", "mine");
  const RunDirectory run = RunDirectory::resume(path);
  CHECK_FALSE(fs::exists(path + "/checkpoint.safetensors.tmp"));
  CHECK_FALSE(fs::exists(path + "/checkpoint-step-1.safetensors.tmp"));
  CHECK(fs::exists(path + "/other.tmp"));
}

TEST_CASE("run directory: nothing to resume is said as such") {
  const test::ScratchDirectory parent;
  const std::string none = parent.file("none");
  CHECK(contains(message_of(ErrorKind::missing, [&] { RunDirectory::resume(none); }), none));
  CHECK_FALSE(fs::exists(none));
  CHECK(contains(message_of(ErrorKind::missing, [&] { RunDirectory::resume(parent.path()); }),
                 "holds no checkpoint"));
  const std::string file = parent.file("file");
  write_text(file, "x");
  CHECK(contains(message_of(ErrorKind::usage, [&] { RunDirectory::resume(file); }), "is a file"));
  CHECK(contains(message_of(ErrorKind::io, [&] { RunDirectory::create(file, false); }),
                 "Not a directory"));
}

TEST_CASE("run directory: without the right to write, one line says so") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  { RunDirectory::create(path, false).write_checkpoint(checkpoint_of(1), 1); }
  fs::remove(path + "/.lock");
  fs::permissions(path, fs::perms::all & ~fs::perms(0222));
  fs::permissions(parent.path(), fs::perms::all);
  CHECK(test::holds_in_child([&] {
    if (!test::become_nobody()) return false;
    const auto resume = [&] { RunDirectory::resume(path); };
    return contains(message_of(ErrorKind::io, resume), "Permission denied; choose a place");
  }));
  fs::permissions(path, fs::perms::all);
  CHECK(steps_in(path) == std::vector<std::string>{"1"});
}

// A limit on the size of files stops a write half-way, as a full disk does.
TEST_CASE("run directory: a full disk loses neither the checkpoints nor the run") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  CHECK(test::holds_in_child([&] {
    const RunDirectory run = RunDirectory::create(path, false);
    run.write_checkpoint(checkpoint_of(1), 2);
    run.write_checkpoint(checkpoint_of(2), 2);
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    const auto write = [&] { run.write_checkpoint(checkpoint_of(3, 100'000), 2); };
    const std::string message = message_of(ErrorKind::io, write);
    if (!contains(message, "cannot write " + path) || steps_in(path).front() != "2") return false;
    limit.rlim_cur = RLIM_INFINITY;  // somebody frees some space
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    write();
    return true;
  }));
  CHECK(steps_in(path) == std::vector<std::string>{"3", "2"});
  CHECK_FALSE(fs::exists(path + "/checkpoint.safetensors.tmp"));
}

}  // namespace
}  // namespace amcl
