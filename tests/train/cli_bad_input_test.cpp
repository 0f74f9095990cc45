// Bad data, checkpoints, directories and numbers, as a user of the binary meets them: one line that
// names thing, value and remedy, the right exit code, and nothing half-written.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/backend/open.h"
#include "tests/train/subprocess.h"

namespace amcl {
namespace {

using test::ProcessResult;
using test::TemporaryDirectory;

constexpr int64_t kRecord = 3073;  // label and 3 x 32 x 32 of CIFAR-10's binary layout

std::string records(int64_t count, int label) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) {
    text += static_cast<char>(label);
    for (int64_t j = 1; j < kRecord; ++j) text += static_cast<char>((i * 37 + j * (i + 3)) % 251);
  }
  return text;
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class Fixture {
 public:
  explicit Fixture(const std::string& content = records(12, 3)) : data_(path("data")) {
    std::filesystem::create_directory(data_);
    write("data/data_batch_1.bin", content);
  }

  std::string path(const std::string& name) const { return directory_.path() + '/' + name; }
  std::string write(const std::string& name, const std::string& text) const {
    return directory_.write(name, text);
  }

  // A run of three steps on the twelve images, with `flags` last.
  ProcessResult pretrain(const std::vector<std::string>& flags) const {
    std::vector<std::string> arguments = {
        AMCL_BINARY,     "pretrain", "--data",     data_, "--out",     path("run"),
        "--width",       "2",        "--batch",    "4",   "--epochs",  "1",
        "--head-hidden", "4",        "--head-dim", "4",   "--workers", "0"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return test::run_process(arguments);
  }

 private:
  TemporaryDirectory directory_;
  std::string data_;
};

// stderr ends with the one line of the error; notes on a run that had begun may stand before it.
void check_error(const ProcessResult& result, int code, const std::vector<std::string>& parts) {
  INFO("stderr: ", result.err);
  CHECK(result.code == code);
  CHECK(result.out.empty());
  REQUIRE(result.err.ends_with('\n'));
  const size_t begin = result.err.rfind('\n', result.err.size() - 2) + 1;
  const std::string line = result.err.substr(begin);
  CHECK(line.starts_with("amcl: "));
  for (const std::string& part : parts) {
    CHECK_MESSAGE(line.find(part) != std::string::npos, "missing: ", part);
  }
}

void check_refused(const Fixture& fixture, const std::vector<std::string>& flags, int code,
                   const std::vector<std::string>& parts) {
  const ProcessResult result = fixture.pretrain(flags);
  check_error(result, code, parts);
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  CHECK_FALSE(std::filesystem::exists(fixture.path("run")));
}

TEST_CASE("bad input: a data directory that is missing, empty or of no known layout") {
  const Fixture fixture;
  const std::string absent = fixture.path("absent");
  check_refused(fixture, {"--data", absent}, 66, {absent, "no such file or directory", "shapes10"});
  const std::string empty = fixture.path("empty");
  std::filesystem::create_directory(empty);
  check_refused(fixture, {"--data", empty}, 66, {empty, "holds no image", "CIFAR"});
  fixture.write("empty/notes.txt", "no images");
  check_refused(fixture, {"--data", empty}, 66,
                {empty, "holds no image", "passed over 1 file: 1 text"});
}

TEST_CASE("bad input: a data file that is cut short or holds an impossible label") {
  const Fixture cut(records(12, 3) + "x");
  check_refused(cut, {}, 65, {"data_batch_1.bin", "36877 bytes", "3073"});
  const Fixture label(records(5, 3) + records(1, 10));
  check_refused(label, {}, 65, {"data_batch_1.bin", "record 5", "label 10", "0 to 9"});
}

TEST_CASE("bad input: a batch larger than the set") {
  const Fixture fixture;
  check_refused(fixture, {"--batch", "13"}, 2, {"batch", "13", "12 images", "lower --batch"});
  check_refused(fixture, {"--limit", "8", "--batch", "9"}, 2, {"batch", "9", "8 images"});
}

TEST_CASE("bad input: settings without meaning for the method") {
  const Fixture fixture;
  check_refused(fixture, {"--method", "moco", "--queue", "0"}, 2, {"--queue is 0", "at least 1"});
  check_refused(fixture, {"--method", "moco", "--encoder-momentum", "-0.1"}, 2,
                {"--encoder-momentum is -0.1"});
  check_refused(fixture, {"--method", "moco", "--bn-splits", "3"}, 2,
                {"--bn-splits is 3", "divide --batch, which is 4"});
  check_refused(fixture, {"--method", "barlow", "--temperature", "0.2"}, 2,
                {"--temperature is 0.2", "--method barlow"});
  check_refused(fixture, {"--predictor-hidden", "8"}, 2,
                {"--predictor-hidden has no effect with --method simclr"});
}

TEST_CASE("bad input: a device that this machine or build has not") {
  const Fixture fixture;
  check_refused(fixture, {"--device", "cuda"}, 1, {"cuda", "--device cpu"});
  check_refused(fixture, {"--device", "cuda:99"}, 1, {"cuda", "--device c"});
}

// The address sanitizer needs more addresses than the limit leaves.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("bad input: a batch that memory has no room for, with the one that it has") {
  const Fixture fixture;
  const ProcessResult result =
      test::run_process({"/bin/sh",   "-c",        "ulimit -v 800000 && exec \"$@\"",
                         "sh",        AMCL_BINARY, "pretrain",
                         "--data",    "shapes10",  "--limit",
                         "600",       "--out",     fixture.path("run"),
                         "--width",   "16",        "--batch",
                         "600",       "--threads", "1",
                         "--workers", "0",         "--eval-every",
                         "0"});
  CHECK(result.code == 1);
  for (const char* part : {"amcl: out of memory: wanted ", " MiB in use and ", " MiB free; ",
                           "at most --batch ", " fits, or --batch 600 with --micro-batch "})
    CHECK_MESSAGE(result.err.find(part) != std::string::npos, part, " in ", result.err);
}
#endif

TEST_CASE("bad input: a device name that cannot be") {
  const Fixture fixture;
  for (const char* name : {"cuda:x", "cuda:-1", "cuda:", "cpu:1", "gpu"})
    check_refused(fixture, {"--device", name}, 2,
                  {"--device is", name, "cpu, cuda, cuda:N, plain"});
}

TEST_CASE("bad input: an unknown convolution algorithm, or one for a device without a choice") {
  const Fixture fixture;
  check_refused(fixture, {"--conv-algorithm", "fft"}, 2,
                {"--conv-algorithm", "fft", "auto, direct, winograd"});
  check_refused(fixture, {"--conv-algorithm", "direct", "--device", "plain"}, 2,
                {"conv-algorithm", "'direct'", "--device cpu", "'plain'", "auto"});
}

// Where the CPU has products of bf16 there is nothing to refuse.
TEST_CASE("bad input: a precision that is unknown, or of no use on this CPU") {
  const Fixture fixture;
  check_refused(fixture, {"--precision", "fp8"}, 2, {"--precision", "fp8", "f32, tf32, bf16"});
  check_refused(fixture, {"--precision", "tf32"}, 2,
                {"precision: tf32", "tensor cores", "--device cpu", "--precision f32"});
  if (!open_backend("cpu")->reason_against(DType::bf16).empty())
    check_refused(fixture, {"--precision", "bf16"}, 2,
                  {"precision: bf16", "--device cpu", "avx512_bf16", "--precision f32"});
}

TEST_CASE("bad input: what only a GPU has an effect on") {
  const Fixture fixture;
  for (const char* key : {"deterministic", "capture"}) {
    const std::string flag = concat_text("--", key);
    const std::string negation = concat_text("--no-", key);
    for (const std::string& given : {flag, negation})
      check_refused(fixture, {given}, 2,
                    {concat_text(given, " has no effect with --device cpu"), "--device cuda"});
  }
}

TEST_CASE("bad input: an output directory that cannot be made") {
  const Fixture fixture;
  check_error(fixture.pretrain({"--out", "/proc/amcl/run"}), 74, {"/proc/amcl/run"});
  const std::string file = fixture.write("file", "not a directory");
  check_error(fixture.pretrain({"--out", file}), 74, {file});
  CHECK(read_file(file) == "not a directory");
}

TEST_CASE("bad input: checkpoints that are missing, damaged or of another model") {
  const Fixture fixture;
  const std::string first = fixture.path("first");
  const ProcessResult run = fixture.pretrain({"--out", first});
  REQUIRE_MESSAGE(run.code == 0, run.err);

  const std::string absent = fixture.path("absent.safetensors");
  check_refused(fixture, {"--init", absent}, 66, {absent});
  const std::string junk = fixture.write("junk.safetensors", "junk");
  check_refused(fixture, {"--init", junk}, 65, {junk, "4 bytes"});

  const std::string whole = read_file(first + "/checkpoint.safetensors");
  REQUIRE(whole.size() > 5000);
  const std::string cut = fixture.write("cut.safetensors", whole.substr(0, whole.size() - 1000));
  check_refused(fixture, {"--init", cut}, 65, {cut});
  std::string flipped = whole;
  flipped[whole.size() - 500] ^= 1;
  const std::string flip = fixture.write("flip.safetensors", flipped);
  check_refused(fixture, {"--init", flip}, 65, {flip, "CRC"});

  check_refused(fixture, {"--init", first, "--width", "4"}, 65,
                {first, "another model", "[2], here [4]"});
}

TEST_CASE("bad input: a directory that holds a run is not written over by accident") {
  const Fixture fixture;
  REQUIRE(fixture.pretrain({}).code == 0);
  const std::string before = read_file(fixture.path("run/checkpoint.safetensors"));
  check_error(fixture.pretrain({}), 2, {fixture.path("run"), "--resume", "--overwrite"});
  CHECK(read_file(fixture.path("run/checkpoint.safetensors")) == before);

  const std::vector<std::string> resume = {AMCL_BINARY, "pretrain", "--resume",
                                           fixture.path("run")};
  const ProcessResult again = test::run_process(resume);
  CHECK(again.code == 0);
  CHECK(again.out == fixture.path("run/checkpoint.safetensors\n"));
  std::vector<std::string> other = resume;
  other.insert(other.end(), {"--lr", "0.5"});
  check_error(test::run_process(other), 2, {"[optimizer] lr is 0.5", "0.06"});
  other = resume;
  other.insert(other.end(), {"--method", "moco"});
  check_error(test::run_process(other), 2, {"[model] method is \"moco\"", "\"simclr\""});
  other = resume;
  other.insert(other.end(), {"--config", "x.toml"});
  check_error(test::run_process(other), 2, {"--config x.toml", "--resume"});
  CHECK(read_file(fixture.path("run/checkpoint.safetensors")) == before);
}

TEST_CASE("bad input: settings of a run that cannot be are damage of its file, not a wrong flag") {
  const Fixture fixture;
  REQUIRE(fixture.pretrain({"--epochs", "2"}).code == 0);
  const std::string path = fixture.path("run/config.toml");
  const std::string good = read_file(path);
  const std::vector<std::string> resume = {AMCL_BINARY, "pretrain", "--resume",
                                           fixture.path("run")};
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    fixture.write("run/config.toml", text);
    return test::run_process(resume);
  };
  check_error(with("heads = 3", "heads = 0"), 65, {path, "[model] heads is 0"});
  check_error(with("heads = 3", "heads = nan"), 65, {path, "[model] heads"});
  check_error(with("heads = 3", "hands = 1"), 65, {path, "[model] hands: unknown key"});
  std::string dotted = "a";
  for (int i = 0; i < 50000; ++i) dotted += ".a";
  check_error(with("[data]", dotted + " = 1\n[data]"), 65, {path, "dotted parts"});
  // A flag that cannot be stays a mistake of the command line.
  fixture.write("run/config.toml", good);
  std::vector<std::string> flag = resume;
  flag.insert(flag.end(), {"--threads", "-1"});
  check_error(test::run_process(flag), 2, {"--threads"});
}

TEST_CASE("bad input: more epochs for a run are refused with the command that does it") {
  const Fixture fixture;
  std::filesystem::create_directory(fixture.path("my runs"));
  const std::string run = fixture.path("my runs/run");
  REQUIRE(fixture.pretrain({"--out", run, "--overwrite"}).code == 0);
  std::filesystem::create_directory(run + "-2");
  const ProcessResult refused = test::run_process(
      {AMCL_BINARY, "pretrain", "--resume", "run/", "--epochs", "2", "--log-every", "1"}, {},
      fixture.path("my runs"));
  check_error(refused, 2, {"[train] epochs is 2, but the run was started with 1"});
  const size_t begin = refused.err.find("amcl pretrain ");
  REQUIRE(begin != std::string::npos);
  const std::string command = refused.err.substr(begin, refused.err.size() - 1 - begin);
  CHECK(command ==
        "amcl pretrain --config run/config.toml --init run/checkpoint.safetensors --epochs 2 "
        "--log-every 1 --no-overwrite --out run-3");
  const ProcessResult done =
      test::run_process({"/bin/sh", "-c", "amcl() { \"" AMCL_BINARY "\" \"$@\"; }; " + command}, {},
                        fixture.path("my runs"));
  CHECK_MESSAGE(done.code == 0, done.err);
  CHECK(done.out == "run-3/checkpoint.safetensors\n");

  // The weights do not fit another model.
  check_error(
      test::run_process({AMCL_BINARY, "pretrain", "--resume", run, "--width", "4"}), 2,
      {"[model] width is 4", "for a new run: amcl pretrain --config '" + run + "/config.toml'",
       "' --width 4 --no-overwrite --out '" + run + "-4'"});
}

TEST_CASE(
    "bad input: a run goes on from another working directory, and where its images have moved") {
  const Fixture fixture;
  const auto amcl = [&](std::vector<std::string> arguments, const std::string& directory) {
    arguments.insert(arguments.begin(), AMCL_BINARY);
    return test::run_process(arguments, {}, directory);
  };
  const ProcessResult first =
      amcl({"pretrain", "--data", "data", "--out", "run", "--width", "2", "--batch", "4",
            "--epochs", "1", "--head-hidden", "4", "--head-dim", "4", "--workers", "0"},
           fixture.path(""));
  REQUIRE_MESSAGE(first.code == 0, first.err);
  std::filesystem::remove(fixture.path("run/summary.json"));  // as a kill does at the very end
  const ProcessResult again = amcl({"pretrain", "--resume", fixture.path("run")}, "/");
  CHECK_MESSAGE(again.code == 0, again.err);
  CHECK(std::filesystem::exists(fixture.path("run/summary.json")));

  std::filesystem::remove(fixture.path("run/summary.json"));
  std::filesystem::rename(fixture.path("data"), fixture.path("moved"));
  check_error(amcl({"pretrain", "--resume", fixture.path("run")}, "/"), 66,
              {fixture.path("data"), "if the images have moved, --data names the place"});
  const ProcessResult moved =
      amcl({"pretrain", "--resume", "run", "--data", "moved"}, fixture.path(""));
  CHECK_MESSAGE(moved.code == 0, moved.err);
  CHECK(read_file(fixture.path("run/config.toml")).find('"' + fixture.path("moved") + '"') !=
        std::string::npos);
}

TEST_CASE("bad input: a loss that is not finite names objective, step and temperatures") {
  const Fixture fixture;
  const ProcessResult result =
      fixture.pretrain({"--lr", "1e30", "--epochs", "5", "--temperature", "adaptive"});
  check_error(result, 1, {"amcl", "step ", "not finite", "(temperatures not a number", "--lr"});
}

}  // namespace
}  // namespace amcl
