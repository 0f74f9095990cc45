// The binary when signals come and when nobody reads what it prints.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/train/subprocess.h"

namespace amcl {
namespace {

using test::ProcessResult;

// Scripts in a directory of their own, where `tiny` makes a tiny run in the directory run, and
// `forever &` one that does not end by itself.
class Shell {
 public:
  ProcessResult run(const std::string& script) const {
    const std::string tiny =
        "amcl='" AMCL_BINARY
        "'\n"
        "options='--limit 16 --batch 8 --width 2 --head-hidden 4 --head-dim 4 --workers 0 "
        "--threads 1 --out run'\n"
        "tiny() { $amcl pretrain --data shapes10 $options \"$@\"; }\n"
        "forever() { exec $amcl pretrain --data shapes10 $options --epochs 1000000 "
        "--checkpoint-every 1000000; }\n"
        "lines() { wc -l < run/metrics.jsonl; }\n"
        "trains() { until [ -s run/metrics.jsonl ]; do sleep 0.01; done; }\n";
    return test::run_process({"/usr/bin/timeout", "20", "/bin/sh", "-c", tiny + script},
                             {"OMP_WAIT_POLICY=passive"}, directory_.path());
  }
  std::string path(const std::string& name) const { return directory_.path() + '/' + name; }
  std::string text(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }

 private:
  test::TemporaryDirectory directory_;
};

TEST_CASE("interrupted: a lost terminal or scheduler's signals stop a run with a checkpoint") {
  const Shell shell;
  for (const char* signals : {"-HUP", "-TERM -TERM", "-USR1 -TERM", "-INT"}) {
    CAPTURE(signals);
    const ProcessResult result =
        shell.run("rm -rf run; forever 2>notes & trains; for signal in " + std::string(signals) +
                  "; do kill $signal $!; done; wait $!");
    CHECK(result.code == 75);
    CHECK(result.out == "run/checkpoint.safetensors\n");
    CHECK(shell.text("notes").find("to go on: amcl pretrain --resume run") != std::string::npos);
  }
}

TEST_CASE("interrupted: a run under nohup outlives its terminal") {
  const Shell shell;
  const ProcessResult result = shell.run(
      "trap '' HUP; forever 2>notes & trains; kill -HUP $!; before=$(lines); "
      "until [ $(lines) -gt $((before + 1)) ]; do sleep 0.01; done; kill -TERM $!; wait $!");
  CHECK(result.code == 75);
}

TEST_CASE("interrupted: a run that is still starting ends at once and leaves nothing") {
  const Shell shell;
  // Which takes a second for so many images.
  const ProcessResult result = shell.run(
      "$amcl pretrain --data shapes10 $options --limit 60000 & sleep 0.2; kill -TERM $!; wait $!");
  CHECK(result.code == 143);
  CHECK_FALSE(std::filesystem::exists(shell.path("run")));
}

TEST_CASE("interrupted: a run goes on when nobody reads its progress") {
  const Shell shell;
  const ProcessResult broken = shell.run(
      "(sleep 0.1; tiny --epochs 2 2>&1 >out; echo $? >code) | true; "
      "until [ -s code ]; do sleep 0.01; done; cat out; exit $(cat code)");
  CHECK(broken.code == 0);
  CHECK(broken.out == "run/checkpoint.safetensors\n");
  const ProcessResult closed = shell.run("tiny --overwrite --epochs 2 2>&-");
  CHECK(closed.code == 0);
  for (const char* file : {"run/metrics.jsonl", "run/.lock", "run/summary.json"})
    CHECK(shell.text(file).find("shapes10") == std::string::npos);  // of a note
}

TEST_CASE("interrupted: a result that cannot be written is an error, and the run is saved") {
  const Shell shell;
  const ProcessResult closed = shell.run("tiny --epochs 2 >&-");
  CHECK(closed.code == 74);
  CHECK(closed.err.find("cannot write to standard output") != std::string::npos);
  CHECK(std::filesystem::exists(shell.path("run/checkpoint.safetensors")));
  CHECK(shell.run("$amcl config list >/dev/full").code == 74);
  // A scheduler goes by the code of a run that it has stopped.
  const ProcessResult stopped =
      shell.run("rm -rf run; forever >&- 2>notes & trains; kill -TERM $!; wait $!");
  CHECK(stopped.code == 75);
  CHECK(shell.text("notes").find("cannot write to standard output") != std::string::npos);
}

}  // namespace
}  // namespace amcl
