#include "train/checkpoint/run_directory.h"
#include "train/checkpoint/run_files.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>

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
  RunDirectory run = RunDirectory::create(path, false);
  run.write_checkpoint(checkpoint_of(2), 3);
  for (const int64_t step : {5, 10, 10, 15}) run.write_checkpoint(checkpoint_of(step), 3);
  CHECK(steps_in(path) == std::vector<std::string>{"15", "10", "5"});
  CHECK(run.checkpoint_path() == path + "/checkpoint.safetensors");
  CHECK(fs::exists(path + "/checkpoint-step-10.safetensors"));
  run.write_checkpoint(checkpoint_of(20), 1);
  CHECK(steps_in(path) == std::vector<std::string>{"20"});
}

TEST_CASE("run directory: a second run is refused while the first one lives") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  {
    RunDirectory first = RunDirectory::create(path, false);
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
    RunDirectory run = RunDirectory::create(path, false);
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

  RunDirectory run = RunDirectory::create(path, true);
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
  write_text(path + "/summary.json.tmp", "");
  write_text(path + "/other.tmp", "mine");
  const auto rests = [&] {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.path().extension() == ".tmp") names.push_back(entry.path().filename());
    return names;
  };
  RunDirectory::resume(path);
  CHECK(rests() == std::vector<std::string>{"other.tmp"});

  // Also where the directory is then refused.
  write_text(path + "/config.toml.tmp", "");
  CHECK_THROWS_AS(RunDirectory::create(path, false), Error);
  CHECK(rests() == std::vector<std::string>{"other.tmp"});
}

TEST_CASE("run directory: one that another run has taken is left alone") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  RunDirectory first = RunDirectory::create(path, false);
  first.write_checkpoint(checkpoint_of(1), 2);
  CHECK(first.hold());
  fs::remove_all(path);
  {
    RunDirectory second = RunDirectory::create(path, false);
    second.write_config("second");
    second.write_checkpoint(checkpoint_of(7), 2);
  }  // ended or not
  const std::string taken = "run directory " + path + " was replaced by that of another run";
  for (const std::function<void()>& write : std::vector<std::function<void()>>{
           [&] { first.write_checkpoint(checkpoint_of(2), 2); },
           [&] { first.write_config("first"); }, [&] { first.write_summary("first"); },
           [&] { first.go_back_to(path + "/checkpoint.safetensors"); }})
    CHECK(contains(message_of(ErrorKind::io, write), taken));
  CHECK(read_text(path + "/config.toml") == "second");
  CHECK_FALSE(fs::exists(path + "/summary.json"));
  CHECK(steps_in(path) == std::vector<std::string>{"7"});
}

TEST_CASE("run directory: one that was removed is made and locked again") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("runs/a");
  RunDirectory run = RunDirectory::create(path, false);
  fs::remove_all(parent.file("runs"));
  CHECK_FALSE(run.hold());
  CHECK(run.hold());
  CHECK(contains(message_of(ErrorKind::io, [&] { RunDirectory::create(path, true); }), "in use"));
  run.write_checkpoint(checkpoint_of(1), 1);

  // Whoever cleans up old files finds that of the lock.
  fs::remove(path + "/.lock");
  CHECK_FALSE(run.hold());
  CHECK(contains(message_of(ErrorKind::io, [&] { RunDirectory::create(path, true); }), "in use"));
  CHECK(steps_in(path) == std::vector<std::string>{"1"});

  // Where it cannot be made again, its writes say so.
  fs::remove_all(parent.file("runs"));
  write_text(parent.file("runs"), "a file");
  CHECK(
      contains(message_of(ErrorKind::io, [&] { run.write_config("x"); }), "cannot write " + path));
}

TEST_CASE("run directory: a planted symbolic link is not followed") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  const std::string victim = parent.file("victim");
  write_text(victim, "precious");
  fs::create_directory(path);
  fs::create_symlink(victim, path + "/.lock");
  CHECK(contains(message_of(ErrorKind::io, [&] { RunDirectory::create(path, true); }),
                 path + "/.lock: Too many levels of symbolic links; it is a symbolic link"));
  fs::remove(path + "/.lock");
  fs::create_symlink(victim, path + "/checkpoint.safetensors.tmp");  // swept
  RunDirectory::create(path, true).write_checkpoint(checkpoint_of(1), 1);
  CHECK(read_text(victim) == "precious");
  CHECK(steps_in(path) == std::vector<std::string>{"1"});
}

TEST_CASE("run directory: going back makes a checkpoint the newest and sets later ones aside") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  RunDirectory run = RunDirectory::create(path, false);
  for (const int64_t step : {2, 4, 6, 8}) run.write_checkpoint(checkpoint_of(step), 4);
  run.write_summary("of step 8");
  CHECK(run.go_back_to(run.checkpoint_path()).empty());
  CHECK(run.summary() == "of step 8");

  const std::vector<std::string> abandoned{path + "/abandoned-checkpoint.safetensors",
                                           path + "/abandoned-checkpoint-step-6.safetensors"};
  CHECK(run.go_back_to(path + "/checkpoint-step-4.safetensors") == abandoned);
  CHECK(steps_in(path) == std::vector<std::string>{"4", "2"});
  CHECK(read_safetensors(abandoned[0]).metadata.at("step") == "8");
  CHECK(read_safetensors(abandoned[1]).metadata.at("step") == "6");
  CHECK(run.summary().empty());

  run.write_checkpoint(checkpoint_of(5), 2);
  CHECK(steps_in(path) == std::vector<std::string>{"5", "4"});
}

TEST_CASE("run directory: a run is named by its directory or a checkpoint in it") {
  const test::ScratchDirectory parent;
  const std::string path = parent.file("a");
  RunDirectory::create(path, false).write_checkpoint(checkpoint_of(1), 1);
  CHECK(directory_of_run(path) == path);
  CHECK(directory_of_run(path + "/checkpoint.safetensors") == path);
  write_text(path + "/abandoned-checkpoint.safetensors", "x");
  CHECK(contains(message_of(ErrorKind::usage,
                            [&] { directory_of_run(path + "/abandoned-checkpoint.safetensors"); }),
                 "neither a run directory nor a checkpoint in one; --init"));
  RunDirectory::create(path, true);
  CHECK_FALSE(fs::exists(path + "/abandoned-checkpoint.safetensors"));
}

TEST_CASE("run directory: nothing to resume is said as such") {
  const test::ScratchDirectory parent;
  const std::string none = parent.file("none");
  CHECK(contains(message_of(ErrorKind::missing, [&] { RunDirectory::resume(none); }), none));
  CHECK_FALSE(fs::exists(none));
  CHECK(contains(message_of(ErrorKind::missing, [&] { RunDirectory::resume(parent.path()); }),
                 "holds no run"));
  const std::string file = parent.file("file");
  write_text(file, "x");
  CHECK(contains(message_of(ErrorKind::usage, [&] { RunDirectory::resume(file); }),
                 file + " is neither a run directory"));
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
    RunDirectory run = RunDirectory::create(path, false);
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
