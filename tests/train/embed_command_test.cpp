// `amcl embed` and `amcl export` as a user meets them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/train/subprocess.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;
using test::ProcessResult;

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// A run of one step over images in a folder, one of which cannot be read.
class Trained {
 public:
  Trained() {
    fs::create_directory(path("set"));
    for (int i = 0; i < 8; ++i)
      directory_.write("set/" + std::to_string(i) + ".ppm",
                       "P6 2 2 255 " + std::string(12, static_cast<char>(16 * i)));
    REQUIRE(amcl({"pretrain", "--data", "shapes10", "--limit", "16", "--out", path("run"),
                  "--width", "2", "--batch", "8", "--epochs", "1", "--head-hidden", "4",
                  "--head-dim", "4", "--heads", "2"})
                .code == 0);
  }
  ProcessResult amcl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), AMCL_BINARY);
    return test::run_process(arguments);
  }
  ProcessResult embed(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"embed",     path("run"), "--data",
                                          path("set"), "--out",     path(out)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return amcl(arguments);
  }
  std::string path(const std::string& name) const { return directory_.path() + '/' + name; }
  void add(const std::string& name) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    directory_.write(name + ".ppm", "P6 2 2 255 " + std::string(12, 'x'));
  }
  void spoil(const std::string& name) const { directory_.write("set/" + name, "P6 2 2 255 "); }

 private:
  test::TemporaryDirectory directory_;
};

void check_error(const ProcessResult& result, int code, const std::vector<std::string>& parts) {
  INFO("stderr: ", result.err);
  CHECK(result.code == code);
  CHECK(result.out.empty());
  for (const std::string& part : parts)
    CHECK_MESSAGE(result.err.find(part) != std::string::npos, "missing: ", part);
}

std::vector<float> rows(const std::string& npy) {
  const std::string text = read_file(npy).substr(128);
  std::vector<float> values(text.size() / sizeof(float));
  std::memcpy(values.data(), text.data(), text.size());
  return values;
}

TEST_CASE("embed: a row for each image, with its name, from the run, its export and every format") {
  const Trained trained;
  const ProcessResult result = trained.embed("a.npy");
  REQUIRE_MESSAGE(result.code == 0, result.err);
  CHECK(result.out.find("a.npy: 8 x 16 f32, ") != std::string::npos);
  CHECK(result.err.find("seen 32 x 32 from the centre") != std::string::npos);
  CHECK(rows(trained.path("a.npy")).size() == 8 * 16);
  CHECK(read_file(trained.path("a.npy.tsv")).starts_with("row\tname\n0\t0.ppm\n1\t1.ppm\n"));

  REQUIRE(
      trained.amcl({"export", trained.path("run"), "--out", trained.path("e.safetensors")}).code ==
      0);
  REQUIRE(trained
              .amcl({"embed", trained.path("e.safetensors"), "--data", trained.path("set"), "--out",
                     trained.path("b.npy")})
              .code == 0);
  CHECK(read_file(trained.path("b.npy")) == read_file(trained.path("a.npy")));

  REQUIRE(trained.embed("n.npy", {"--layer", "projection", "--head", "1", "--normalize"}).code ==
          0);
  const std::vector<float> unit = rows(trained.path("n.npy"));
  REQUIRE(unit.size() == 8 * 4);
  CHECK(std::hypot(std::hypot(unit[0], unit[1]), std::hypot(unit[2], unit[3])) ==
        doctest::Approx(1.0));
  for (const char* name : {"a.csv", "a.safetensors"}) CHECK(trained.embed(name).code == 0);
  CHECK(trained.embed("half", {"--format", "npy", "--dtype", "f16"}).code == 0);
}

TEST_CASE("embed: a bad image stops it, or leaves a row that is no number") {
  const Trained trained;
  trained.spoil("3.ppm");
  check_error(trained.embed("a.npy"), 65, {"3.ppm", "--on-error skip"});
  CHECK_FALSE(fs::exists(trained.path("a.npy")));
  const ProcessResult result = trained.embed("a.npy", {"--on-error", "skip"});
  REQUIRE_MESSAGE(result.code == 0, result.err);
  CHECK(result.err.find("1 images cannot be read: their rows are not a number") !=
        std::string::npos);
  const std::vector<float> found = rows(trained.path("a.npy"));
  for (size_t i = 0; i < found.size(); ++i) CHECK(std::isnan(found[i]) == (i / 16 == 3));
}

TEST_CASE("embed: views are drawn by seed and image, whatever the threads, and a record says so") {
  const Trained trained;
  const auto views = [&](const std::string& out, std::vector<std::string> more) {
    more.insert(more.begin(), {"--views", "3"});
    const ProcessResult result = trained.embed(out, more);
    REQUIRE_MESSAGE(result.code == 0, result.err);
    CHECK(result.err.find("the mean over 3 augmented views") != std::string::npos);
    return rows(trained.path(out));
  };
  const std::vector<float> one = views("one.npy", {"--threads", "1"});
  CHECK(views("two.npy", {"--threads", "2"}) == one);
  CHECK(views("seed.npy", {"--seed", "2"}) != one);
  // An image's views do not depend on which others there are.
  const std::vector<float> few = views("few.npy", {"--limit", "3"});
  for (size_t i = 0; i < few.size(); ++i) CHECK(few[i] == doctest::Approx(one[i]).epsilon(1e-4));
  // The mean of three is a third of the first and two thirds of a mean over the other two.
  REQUIRE(trained.embed("first.npy", {"--views", "1"}).code == 0);
  CHECK(rows(trained.path("first.npy")) != one);
  REQUIRE(trained.embed("plain.npy").code == 0);
  CHECK(rows(trained.path("plain.npy")) != one);
  const std::string record = read_file(trained.path("one.npy.json"));
  for (const char* part : {"\"views\": 3", "\"seed\": 1", "crop_scale 0.08,1", "run/checkpoint"})
    CHECK_MESSAGE(record.find(part) != std::string::npos, part);
  CHECK(read_file(trained.path("plain.npy.json")).find("\"augmentation\": \"\"") !=
        std::string::npos);
}

TEST_CASE("embed: a disk that is full in the middle leaves what can be gone on with") {
  const Trained trained;
  const auto command = [&](const std::string& out, const std::string& limit,
                           std::vector<std::string> more) {
    std::string line = limit + " exec " AMCL_BINARY " embed '" + trained.path("run") +
                       "' --data shapes10 --limit 1500 --out '" + trained.path(out) + "'";
    for (const std::string& one : more) line += " " + one;
    return test::run_process({"/bin/sh", "-c", line});
  };
  for (const char* out : {"a.npy", "a.csv"}) {
    REQUIRE(command(std::string("whole") + (out + 1), "", {}).code == 0);
    // Blocks of 512 bytes: 48 KiB are less than the rows and more than the record.
    const ProcessResult full = command(out, "ulimit -f 96;", {});
    check_error(full, 74, {std::string(out) + ".partial", "free some space"});
    CHECK_FALSE(fs::exists(trained.path(out)));
    CHECK_FALSE(fs::exists(trained.path(out) + std::string(".tsv")));
    check_error(command(out, "", {"--resume", "--views", "2"}), 2,
                {"another job", "views was 0, is 2"});
    check_error(command(out, "", {"--resume", "--limit", "1400"}), 2, {"rows was 1500, is 1400"});
    const ProcessResult rest = command(out, "", {"--resume"});
    REQUIRE_MESSAGE(rest.code == 0, rest.err);
    CHECK(rest.err.find("goes on after ") != std::string::npos);
    CHECK(read_file(trained.path(out)) ==
          read_file(trained.path(std::string("whole") + (out + 1))));
    CHECK_FALSE(fs::exists(trained.path(out) + std::string(".job")));
  }
  // Full where the names are written: the rows are kept, and the file is not there without them.
  for (int i = 0; i < 40; ++i) trained.add("long/" + std::string(200, 'n') + std::to_string(i));
  const std::string names = "--data '" + trained.path("long") + "'";
  check_error(command("b.npy", "ulimit -f 12;", {names}), 74, {"b.npy.tsv", "free some space"});
  CHECK_FALSE(fs::exists(trained.path("b.npy")));
  CHECK(command("b.npy", "", {names, "--resume"}).err.find("goes on after 40 rows") !=
        std::string::npos);
  CHECK(rows(trained.path("b.npy")).size() == 40 * 16);
  CHECK(command("a.npy", "", {"--resume"}).out.find("is complete") != std::string::npos);
  check_error(command("a.npy", "", {"--resume", "--normalize"}), 2,
              {"is complete and of another job", "normalize was false, is true"});
}

TEST_CASE("embed: killed at any moment, it goes on to the same bytes") {
  const Trained trained;
  const auto command = [&](const std::string& out, bool resume) {
    std::vector<std::string> arguments = {AMCL_BINARY,       "embed",     trained.path("run"),
                                          "--data",          "shapes10",  "--out",
                                          trained.path(out), "--threads", "1"};
    if (resume) arguments.emplace_back("--resume");
    return arguments;
  };
  REQUIRE(test::run_process(command("whole.npy", false)).code == 0);
  int kills = 0;
  for (const char* seconds : {"0.3", "0.5", "0.7"}) {
    std::vector<std::string> arguments = {"/usr/bin/timeout", "-s", "KILL", seconds};
    const bool resume = fs::exists(trained.path("killed.npy.job"));
    for (const std::string& one : command("killed.npy", resume)) arguments.push_back(one);
    if (test::run_process(arguments).code == 0) break;
    ++kills;
  }
  if (!fs::exists(trained.path("killed.npy")))
    REQUIRE(
        test::run_process(command("killed.npy", fs::exists(trained.path("killed.npy.job")))).code ==
        0);
  MESSAGE("killed ", kills, " times");
  CHECK(read_file(trained.path("killed.npy")) == read_file(trained.path("whole.npy")));
  CHECK(read_file(trained.path("killed.npy.tsv")) == read_file(trained.path("whole.npy.tsv")));
}

TEST_CASE("embed and export: bad input ends with one line, and nothing half-written") {
  const Trained trained;
  check_error(trained.amcl({"embed", trained.path("run")}), 2, {"name the encoder, the images"});
  check_error(trained.embed("a.txt"), 2, {"the ending names no format"});
  check_error(trained.embed("a.npy", {"--head", "2", "--layer", "projection"}), 2,
              {"--head is 2", "2 heads"});
  check_error(trained.embed("a.csv", {"--dtype", "f16"}), 2, {"--dtype is f16"});
  check_error(trained.embed("a.npy", {"--mean", "1,2"}), 2, {"--mean is '1,2'", "three numbers"});
  check_error(trained.embed("a.npy", {"--resume"}), 2, {"nothing to go on with"});
  check_error(trained.embed("no/a.npy"), 74, {"no/a.npy"});
  CHECK_FALSE(fs::exists(trained.path("a.npy")));
  REQUIRE(trained.embed("a.npy").code == 0);
  check_error(trained.embed("a.npy"), 2, {"a.npy is there", "--overwrite"});
  CHECK(trained.embed("a.npy", {"--overwrite"}).code == 0);

  const std::string encoder = trained.path("e.safetensors");
  check_error(trained.amcl({"export", trained.path("run"), "--out", trained.path("e.bin")}), 2,
              {"must end in .safetensors"});
  check_error(trained.amcl({"export", trained.path("none"), "--out", encoder}), 66, {"none"});
  REQUIRE(trained.amcl({"export", trained.path("run"), "--out", encoder}).code == 0);
  check_error(trained.amcl({"export", trained.path("run"), "--out", encoder}), 2, {"--overwrite"});
  check_error(trained.amcl({"embed", encoder, "--layer", "projection", "--data",
                            trained.path("set"), "--out", trained.path("p.npy")}),
              65, {"holds no projection heads"});
  check_error(trained.amcl({"pretrain", "--data", "shapes10", "--limit", "16", "--batch", "8",
                            "--width", "4", "--init", encoder, "--out", trained.path("other")}),
              65, {"a resnet18 of width 2", "--width 2"});
  CHECK_FALSE(fs::exists(trained.path("other")));
}

}  // namespace
}  // namespace amcl
