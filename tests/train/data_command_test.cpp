// amcl data, as a user of the binary meets it.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "tests/data/archives.h"
#include "tests/train/subprocess.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;
using test::ProcessResult;

ProcessResult amcl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), AMCL_BINARY);
  return test::run_process(arguments);
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// One line on stderr, nothing on stdout.
void check_error(const ProcessResult& result, int code, const std::vector<std::string>& parts) {
  INFO("stderr: ", result.err);
  CHECK(result.code == code);
  CHECK(result.out.empty());
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  CHECK(result.err.starts_with("amcl: "));
  for (const std::string& part : parts)
    CHECK_MESSAGE(result.err.find(part) != std::string::npos, "missing: ", part);
}

class Fixture {
 public:
  Fixture() {
    fs::create_directory(path("set"));
    for (int i = 0; i < 8; ++i)
      directory_.write("set/" + std::to_string(i) + ".ppm",
                       "P6 2 2 255 " + std::string(12, static_cast<char>(16 * i)));
  }

  std::string path(const std::string& name) const { return directory_.path() + '/' + name; }
  std::string write(const std::string& name, const std::string& text) const {
    return directory_.write(name, text);
  }

 private:
  test::TemporaryDirectory directory_;
};

ProcessResult pretrain(const Fixture& fixture, const std::string& data) {
  return amcl({"pretrain", "--data", data, "--out", fixture.path("run"), "--width", "2", "--batch",
               "4", "--epochs", "1", "--head-hidden", "4", "--head-dim", "4", "--size", "8"});
}

TEST_CASE("data pack: makes a file that trains as the folder does") {
  const Fixture fixture;
  const std::string file = fixture.path("set.amcl");
  const ProcessResult packed = amcl({"data", "pack", fixture.path("set"), file, "--json"});
  REQUIRE_MESSAGE(packed.code == 0, packed.err);
  const auto record = nlohmann::json::parse(packed.out);
  CHECK(record["images"]["train"] == 8);
  CHECK(record["bytes"] == fs::file_size(file));
  std::string log[2];
  for (const std::string& data : {fixture.path("set"), file}) {
    const ProcessResult run = pretrain(fixture, data);
    REQUIRE_MESSAGE(run.code == 0, run.err);
    std::istringstream lines(read_file(fixture.path("run/metrics.jsonl")));
    for (std::string line; std::getline(lines, line);) {
      const auto step = nlohmann::json::parse(line);
      if (step.contains("loss")) log[data == file] += step["loss"].dump() + '\n';
    }
    fs::remove_all(fixture.path("run"));
  }
  CHECK_FALSE(log[0].empty());
  CHECK(log[0] == log[1]);
  check_error(amcl({"data", "pack", fixture.path("set"), file}), 2, {file, "--overwrite"});
  CHECK(amcl({"data", "pack", fixture.path("set"), file, "--overwrite"}).code == 0);
}

TEST_CASE("data pack: what is missing, damaged or not a set") {
  const Fixture fixture;
  check_error(amcl({"data", "pack", fixture.path("set")}), 2, {"name the source and the file"});
  check_error(amcl({"data", "pack", fixture.path("none"), fixture.path("x")}), 66,
              {fixture.path("none"), "no such file"});
  check_error(amcl({"data", "pack", fixture.path("set"), fixture.path("no/x")}), 74,
              {fixture.path("no/x"), "cannot write"});
  CHECK_FALSE(fs::exists(fixture.path("x.partial")));
  fixture.write("set/bad\nname.jpg", "no image");
  check_error(amcl({"data", "pack", fixture.path("set"), fixture.path("x")}), 65,
              {"bad\\x0aname.jpg", "--on-error skip"});
  const ProcessResult skipped =
      amcl({"data", "pack", fixture.path("set"), fixture.path("x"), "--on-error", "skip"});
  CHECK(skipped.code == 0);
  CHECK(skipped.out.find("8 training; 8 of them packed before; 1 left out") != std::string::npos);
  std::string damaged = read_file(fixture.path("x"));
  damaged.resize(damaged.size() / 2);
  fixture.write("x", damaged);
  check_error(pretrain(fixture, fixture.path("x")), 65, {fixture.path("x"), "cut short"});
  check_error(pretrain(fixture, fixture.write("notes.md", "# Notes\n\nNo images here.\n")), 65,
              {"notes.md", "is not a list of images"});
}

TEST_CASE("data pack: killed at any moment, it goes on to the same bytes") {
  const Fixture fixture;
  const std::string whole = fixture.path("whole");
  REQUIRE(amcl({"data", "pack", "shapes10", whole}).code == 0);
  const std::string file = fixture.path("killed");
  for (int milliseconds = 5; !fs::exists(file); milliseconds += milliseconds) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      execl(AMCL_BINARY, AMCL_BINARY, "data", "pack", "shapes10", file.c_str(), nullptr);
      _exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(child, SIGKILL);
    REQUIRE(waitpid(child, nullptr, 0) == child);
  }
  CHECK(read_file(file) == read_file(whole));
}

TEST_CASE("data verify and data info: text, JSON and the exit code") {
  const Fixture fixture;
  fixture.write("set/9.ppm", "P6 2 2 255 " + std::string(12, '\0'));
  const ProcessResult good = amcl({"data", "verify", fixture.path("set")});
  CHECK(good.code == 0);
  CHECK(good.out.find("1 images have the same pixels as an earlier one") != std::string::npos);
  CHECK(good.out.find("training 9.ppm is training 0.ppm") != std::string::npos);
  CHECK(good.out.ends_with("all 9 images can be read\n"));
  fixture.write("set/b\xff.jpg", "no image");
  const ProcessResult bad = amcl({"data", "verify", fixture.path("set"), "--json"});
  CHECK(bad.code == 65);
  const auto verified = nlohmann::json::parse(bad.out);
  CHECK(verified["good"] == false);
  CHECK(verified["images"] == 10);
  CHECK(verified["damaged"].size() == 1);
  CHECK(verified["duplicates"][0]["earlier"] == "0.ppm");
  CHECK(
      amcl({"data", "verify", fixture.path("set")}).out.ends_with("1 of 10 images are damaged\n"));

  const ProcessResult info = amcl({"data", "info", fixture.path("set")});
  CHECK(info.code == 0);
  CHECK(info.out.find("set (images without labels)") != std::string::npos);
  CHECK(info.out.find("10 images, height 2, width 2 (of the 9 looked at") != std::string::npos);
  const auto record = nlohmann::json::parse(amcl({"data", "info", "shapes10", "--json"}).out);
  CHECK(record["parts"].size() == 2);
  CHECK(record["parts"][1]["labels"]["ring"] == 100);
  check_error(amcl({"data", "info"}), 2, {"name the data"});
  check_error(amcl({"data", "verify", fixture.path("none")}), 66, {"no such file"});
}

TEST_CASE("data info: what is used of a set, and what is passed over") {
  const Fixture fixture;
  for (const char* name : {"a.tif", "b.tif", "c.txt", "._0.ppm"})
    fixture.write(std::string("set/") + name, "");
  const ProcessResult info = amcl({"data", "info", fixture.path("set")});
  CHECK(info.code == 0);
  for (const char* part :
       {"training    8 images, height 2, width 2\n", "views     224 x 224 unless --size",
        "passed over 3 files: 2 TIFF (not supported), 1 text; 1 hidden or system entry\n",
        "set: 3 of 11 files are passed over: 2 TIFF (not supported), 1 text\n"})
    CHECK_MESSAGE(info.out.find(part) != std::string::npos, part, " is missing in ", info.out);
  const ProcessResult run = pretrain(fixture, fixture.path("set"));
  CHECK(run.code == 0);
  CHECK(run.err.find("in files; passed over 3 files: 2 TIFF (not supported), 1 text; 1 hidden") !=
        std::string::npos);
  CHECK(run.err.find("warning: " + fixture.path("set") + ": 3 of 11 files") != std::string::npos);
  const auto record = nlohmann::json::parse(amcl({"data", "info", "shapes10", "--json"}).out);
  CHECK(record["parts"][0]["view"] == nlohmann::json{32, 32});
  CHECK(record["parts"][0]["passed_over"] == "");
}

TEST_CASE("bad images: the run says how many in the end, and augment draws others") {
  const Fixture fixture;
  for (int i = 0; i < 8; ++i) fixture.write("set/" + std::to_string(i) + "-bad.ppm", "P6 2 2 255 ");
  std::vector<std::string> arguments = {"pretrain",
                                        "--data",
                                        fixture.path("set"),
                                        "--out",
                                        fixture.path("run"),
                                        "--width",
                                        "2",
                                        "--batch",
                                        "4",
                                        "--epochs",
                                        "3",
                                        "--head-hidden",
                                        "4",
                                        "--head-dim",
                                        "4",
                                        "--size",
                                        "8",
                                        "--on-error",
                                        "skip"};
  const ProcessResult run = amcl(arguments);
  REQUIRE_MESSAGE(run.code == 0, run.err);
  CHECK(run.err.find("skipped in all: 8 images that cannot be read") != std::string::npos);
  CHECK(nlohmann::json::parse(read_file(fixture.path("run/summary.json")))["skipped_images"] == 8);
  const ProcessResult views =
      amcl({"augment", "--data", fixture.path("set"), "--grid", fixture.path("views.png"), "--size",
            "8", "--on-error", "skip"});
  REQUIRE_MESSAGE(views.code == 0, views.err);
  std::istringstream lines(views.out);
  std::set<int> images;
  for (std::string line; std::getline(lines, line);)
    images.insert(nlohmann::json::parse(line)["image"].get<int>());
  // The set is 0-bad.ppm, 0.ppm, 1-bad.ppm and so on.
  CHECK(images == std::set<int>{1, 3, 5, 7, 9, 11, 13, 15});
  CHECK(views.err.find("skipped (1 of at most 100): ") != std::string::npos);
}

TEST_CASE("evaluate: what is skipped and what is passed over is shown") {
  const Fixture fixture;
  for (const char* folder : {"train/a", "train/b", "val/a", "val/b"})
    fs::create_directories(fixture.path(std::string("parts/") + folder));
  for (const char* part : {"parts/train/", "parts/val/"})
    for (const char* name : {"a/0.ppm", "a/1.ppm", "b/2.ppm", "b/3.ppm"})
      fixture.write(std::string(part) + name, read_file(fixture.path("set/0.ppm")));
  fixture.write("parts/train/a/bad.ppm", "P6 2 2 255 ");
  fixture.write("parts/train/a/notes.txt", "text");
  REQUIRE(amcl({"pretrain", "--data", fixture.path("parts"), "--out", fixture.path("run"),
                "--width", "2", "--batch", "4", "--epochs", "1", "--head-hidden", "4", "--head-dim",
                "4", "--size", "8", "--on-error", "skip"})
              .code == 0);
  const ProcessResult shown = amcl({"evaluate", fixture.path("run")});
  REQUIRE_MESSAGE(shown.code == 0, shown.err);
  for (const char* part : {"4 training and 4 test images\n", "skipped     1 images",
                           "passed over 1 file: 1 text\n", "images      8 x 8"})
    CHECK_MESSAGE(shown.out.find(part) != std::string::npos, part, " is missing in ", shown.out);
  const auto record = nlohmann::json::parse(amcl({"evaluate", fixture.path("run"), "--json"}).out);
  CHECK(record["skipped_images"] == 1);
  CHECK(record["passed_over"]["train"] == "passed over 1 file: 1 text");
  CHECK(record["passed_over"]["test"] == "");
}

TEST_CASE("data verify: a set without a good image has every image named") {
  const Fixture fixture;
  for (const char* folder : {"bad/train", "bad/val"}) fs::create_directories(fixture.path(folder));
  fixture.write("bad/train/a.jpg", "no image");
  fixture.write("bad/train/b.ppm", "P6 2 2 255 short");
  fixture.write("bad/val/c.png", "");
  for (const bool json : {false, true}) {
    std::vector<std::string> arguments = {"data", "verify", fixture.path("bad")};
    if (json) arguments.push_back("--json");
    const ProcessResult result = amcl(arguments);
    CHECK(result.code == 65);
    CHECK(result.err.empty());
    for (const char* part : {"a.jpg: is no image", "b.ppm: is a damaged PNM image (it ends 7 bytes",
                             "c.png: is empty"})
      CHECK_MESSAGE(result.out.find(part) != std::string::npos, part, " is missing");
    CHECK(result.out.find(json ? "\"good\": false" : "3 of 3 images are damaged") !=
          std::string::npos);
  }
  check_error(pretrain(fixture, fixture.path("bad")), 65, {"not one of its 2 images can be read"});
}

TEST_CASE("data fetch: what it refuses, before it downloads anything") {
  const Fixture fixture;
  check_error(amcl({"data", "fetch"}), 2, {"name a set: cifar10, cifar100, stl10"});
  check_error(amcl({"data", "fetch", "cifar"}), 2, {"cifar", "cifar10, cifar100, stl10"});
  const std::string archive = fixture.write("archive", "\x1f\x8bno gzip");
  const std::string to = fixture.path("to");
  check_error(
      amcl({"data", "fetch", "cifar10", "--from", archive, "--to", to}), 65,
      {archive, "is not the published archive of cifar10", "c4a38c50a1bc5f3a", "--any-checksum"});
  check_error(amcl({"data", "fetch", "cifar10", "--from", archive, "--to", to, "--any-checksum"}),
              65, {archive, "damaged or cut short"});
  check_error(amcl({"data", "fetch", "stl10", "--from", fixture.path("none"), "--to", to}), 66,
              {fixture.path("none")});
  CHECK(fs::is_empty(to));
}

TEST_CASE("data fetch: an archive of something else is bad data and leaves nothing") {
  const Fixture fixture;
  const std::string to = fixture.path("to");
  const auto refused = [&](const std::vector<TarEntry>& entries, const std::string& reason) {
    const std::string archive = fixture.write("archive", gzipped(tar(entries)));
    check_error(amcl({"data", "fetch", "cifar10", "--from", archive, "--to", to, "--any-checksum"}),
                65, {archive, reason});
    CHECK(fs::is_empty(to));
  };
  const std::string batch = "cifar-10-batches-bin/data_batch_1.bin";
  refused({}, "holds no data set of the layout cifar");
  refused({{"cifar-10-batches-bin/readme.html", "text"}}, "holds no data set of the layout cifar");
  refused({{batch, "cut short"}}, "9 bytes are not a multiple");
  refused({{batch, "", '5'}}, "data_batch_1.bin is a directory, not a file");
  refused({{"cifar-10-batches-bin", "a file"}}, "as a file and as a folder");
  refused({{batch, "x"}, {batch + "/x", "x"}}, "as a file and as a folder");
  refused({{"cifar-10-batches-bin/../../x", "x"}}, "which is not in cifar-10-batches-bin/");
}

}  // namespace
}  // namespace amcl
