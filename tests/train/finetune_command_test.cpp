// `amcl finetune`, `amcl predict` and the evaluation of their checkpoints as a user meets them.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/train/subprocess.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::ProcessResult;

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// An encoder and a classifier on it, of three shades of gray that are easily told apart.
class FineTuned {
 public:
  FineTuned() {
    for (const char* part : {"train", "test"})
      for (const int shade : {20, 120, 220}) {
        const std::string folder = std::string("set/") + part + '/' + std::to_string(shade);
        fs::create_directories(path(folder));
        for (int i = 0; i < 8; ++i)
          directory_.write(folder + '/' + std::to_string(i) + ".ppm",
                           "P6 8 8 255 " + std::string(192, static_cast<char>(shade + i)));
      }
    fs::create_directory(path("plain"));
    directory_.write("plain/a.ppm", "P6 8 8 255 " + std::string(192, static_cast<char>(25)));
    directory_.write("plain/b.ppm", "P6 8 8 255 " + std::string(192, static_cast<char>(225)));
    REQUIRE(amcl({"pretrain",
                  "--data",
                  path("set"),
                  "--size",
                  "8",
                  "--out",
                  path("encoder"),
                  "--width",
                  "2",
                  "--batch",
                  "8",
                  "--epochs",
                  "1",
                  "--head-hidden",
                  "4",
                  "--head-dim",
                  "4",
                  "--heads",
                  "2",
                  "--eval-every",
                  "0"})
                .code == 0);
    const ProcessResult result = finetune({"--epochs", "30"});
    REQUIRE_MESSAGE(result.code == 0, result.err);
    CHECK(result.out == path("classes") + "/checkpoint.safetensors\n");
    CHECK(result.err.find("test       ") != std::string::npos);
  }
  ProcessResult amcl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), AMCL_BINARY);
    return test::run_process(arguments);
  }
  // A flag that is given twice counts as the last time.
  ProcessResult finetune(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"finetune",  path("encoder"), "--data",
                                          path("set"), "--batch",       "8",
                                          "--out",     path("classes")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return amcl(arguments);
  }
  ProcessResult predict(const std::string& data, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"predict", path("classes"), "--data", path(data)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return amcl(arguments);
  }
  json summary() const { return json::parse(read_file(path("classes/summary.json"))); }
  std::string path(const std::string& name) const { return directory_.path() + '/' + name; }
  void write(const std::string& name, const std::string& text) const {
    directory_.write(name, text);
  }

 private:
  test::TemporaryDirectory directory_;
};

void check_error(const ProcessResult& result, int code, const std::vector<std::string>& parts) {
  INFO("stderr: ", result.err);
  CHECK(result.code == code);
  CHECK(result.out.empty());
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  for (const std::string& part : parts)
    CHECK_MESSAGE(result.err.find(part) != std::string::npos, "missing: ", part);
}

TEST_CASE("predict: names and probabilities of each image, as text and as JSON") {
  const FineTuned tuned;
  const ProcessResult text = tuned.predict("plain", {"--top", "3"});
  REQUIRE_MESSAGE(text.code == 0, text.err);
  const std::vector<std::string> lines = lines_of(text.out);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "image\tclass\tprobability\tclass2\tprobability2\tclass3\tprobability3");
  CHECK(lines[1].starts_with("a.ppm\t"));

  REQUIRE(tuned.predict("plain", {"--top", "3", "--out", tuned.path("p.jsonl")}).code == 0);
  const std::vector<std::string> records = lines_of(read_file(tuned.path("p.jsonl")));
  REQUIRE(records.size() == 2);
  for (size_t i = 0; i < records.size(); ++i) {
    const json record = json::parse(records[i]);
    double sum = 0.0;
    double before = 1.0;
    for (const json& one : record.at("classes")) {
      const auto probability = one.at("probability").get<double>();
      CHECK(probability <= before);
      before = probability;
      sum += probability;
    }
    CHECK(sum == doctest::Approx(1.0));
    const std::string best = record["classes"][0]["class"];
    CHECK(lines[i + 1].starts_with(record["image"].get<std::string>() + '\t' + best + '\t'));
  }
}

TEST_CASE("predict and evaluate score a run as it was scored in the end, by its best checkpoint") {
  const FineTuned tuned;
  const double test_top1 = tuned.summary().at("test_top1");
  const ProcessResult predicted = tuned.predict("set", {"--split", "test"});
  REQUIRE(predicted.code == 0);
  int right = 0;
  const std::vector<std::string> lines = lines_of(predicted.out);
  REQUIRE(lines.size() == 1 + 24);
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t tab = lines[i].find('\t');
    const std::string name = lines[i].substr(tab + 1, lines[i].find('\t', tab + 1) - tab - 1);
    right += lines[i].starts_with(name + '/') ? 1 : 0;  // the folder is the class
  }
  CHECK(100.0 * right / 24.0 == doctest::Approx(test_top1));
  CHECK(test_top1 > 50.0);

  const ProcessResult evaluated =
      tuned.amcl({"evaluate", tuned.path("classes"), "--json", "--k", "3"});
  REQUIRE_MESSAGE(evaluated.code == 0, evaluated.err);
  const json record = json::parse(evaluated.out);
  CHECK(record.at("classifier_top1").get<double>() == doctest::Approx(test_top1));
  CHECK(record.at("step") == tuned.summary().at("best_step"));
  CHECK(record.at("knn_top1").is_number());
  // Without its weights it is no classifier.
  const ProcessResult untrained =
      tuned.amcl({"evaluate", tuned.path("classes"), "--json", "--k", "3", "--random-init"});
  CHECK(json::parse(untrained.out).at("classifier_top1").is_null());
}

TEST_CASE("evaluate: an exported encoder scores as its run does") {
  const FineTuned tuned;
  REQUIRE(
      tuned.amcl({"export", tuned.path("encoder"), "--out", tuned.path("e.safetensors")}).code ==
      0);
  const auto scores = [&](const std::string& encoder, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"evaluate",  encoder, "--data", tuned.path("set"),
                                          "--json",    "--k",   "3",      "--protocol",
                                          "knn,linear"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProcessResult result = tuned.amcl(arguments);
    REQUIRE_MESSAGE(result.code == 0, result.err);
    return json::parse(result.out);
  };
  const json run = scores(tuned.path("encoder"));
  const json file = scores(tuned.path("e.safetensors"));
  for (const char* key : {"knn_top1", "linear_top1", "size", "mean", "deviation", "feature_dim"})
    CHECK_MESSAGE(file.at(key) == run.at(key), key);
  CHECK(file.at("encoder") == tuned.path("e.safetensors"));
  CHECK(file.at("checkpoint").is_null());
  const json given = scores(tuned.path("e.safetensors"),
                            {"--mean", "0.25,0.5,0.75", "--deviation", "0.5,0.5,0.5"});
  CHECK(given.at("mean") == json{0.25, 0.5, 0.75});
  CHECK(given.at("deviation") == json{0.5, 0.5, 0.5});
  check_error(tuned.amcl({"evaluate", tuned.path("e.safetensors")}), 2, {"data: name a directory"});
}

TEST_CASE(
    "predict: a bad image stops it, or has a line without classes; a file is whole or not there") {
  const FineTuned tuned;
  tuned.write("plain/aa.ppm", "P6 8 8 255 ");
  const std::string out = tuned.path("p.tsv");
  check_error(tuned.predict("plain", {"--out", out}), 65, {"aa.ppm", "--on-error skip"});
  CHECK_FALSE(fs::exists(out));
  CHECK_FALSE(fs::exists(out + ".tmp"));
  const ProcessResult skipped = tuned.predict("plain", {"--out", out, "--on-error", "skip"});
  REQUIRE_MESSAGE(skipped.code == 0, skipped.err);
  CHECK(skipped.err.find("1 images cannot be read") != std::string::npos);
  const std::vector<std::string> lines = lines_of(read_file(out));
  REQUIRE(lines.size() == 4);
  CHECK(lines[2] == "aa.ppm\t\tnan");
  check_error(tuned.predict("plain", {"--out", out}), 2, {"is there; --overwrite"});
  const ProcessResult records = tuned.predict("plain", {"--format", "json", "--on-error", "skip"});
  CHECK(json::parse(lines_of(records.out)[1]).at("classes").is_null());
}

TEST_CASE("finetune and predict: what cannot be is refused in one line, and nothing is left") {
  const FineTuned tuned;
  const std::string other = tuned.path("other");
  check_error(tuned.amcl({"finetune", tuned.path("encoder"), "--out", other}), 2,
              {"name the encoder, labelled images and the run directory"});
  check_error(tuned.finetune({"--out", other, "--data", tuned.path("plain")}), 65,
              {"no labels to learn from"});
  check_error(tuned.finetune({"--out", other, "--labels", "25"}), 2,
              {"--labels is 25", "has 24 labels"});
  check_error(tuned.finetune({"--out", other, "--labels", "2"}), 2,
              {"fewer than one for each of the 3 classes"});
  check_error(tuned.finetune({"--out", other, "--labels", "some"}), 2,
              {"--labels is some", "must be all, a share"});
  check_error(tuned.finetune({"--out", other, "--lr", "0"}), 2, {"--lr is 0", "--freeze"});
  tuned.write("one.txt", "plain/a.ppm\t0\nplain/b.ppm\t0\n");
  check_error(tuned.finetune({"--out", other, "--data", tuned.path("one.txt")}), 65,
              {"all labels are of one class"});
  CHECK_FALSE(fs::exists(other));
  check_error(tuned.finetune({}), 2, {"holds a run already", "--resume"});
  check_error(tuned.finetune({"--width", "4"}), 2, {"--width", "unknown option"});
  check_error(tuned.amcl({"finetune", "--resume", tuned.path("encoder")}), 2,
              {"amcl pretrain --resume"});
  check_error(tuned.amcl({"pretrain", "--resume", tuned.path("classes")}), 2,
              {"amcl finetune --resume"});
  check_error(tuned.amcl({"pretrain", "--method", "classifier", "--data", "shapes10"}), 2,
              {"use amcl finetune"});
  check_error(tuned.amcl({"finetune", "--resume", tuned.path("classes"), "--epochs", "20"}), 2,
              {"for a new run: amcl finetune --config", "--epochs 20"});

  check_error(tuned.amcl({"predict", tuned.path("encoder"), "--data", tuned.path("plain")}), 65,
              {"holds no classifier", "amcl finetune"});
  check_error(tuned.predict("plain", {"--top", "4"}), 2, {"--top is 4", "3 classes"});
  check_error(tuned.predict("absent"), 66, {"absent"});
  check_error(tuned.amcl({"evaluate", tuned.path("classes"), "--data", "shapes10", "--protocol",
                          "classifier"}),
              65, {"other classes than the classifier's", "class 0 of the classifier is '120'"});
  check_error(tuned.amcl({"evaluate", tuned.path("encoder"), "--protocol", "classifier"}), 65,
              {"holds no trained classifier"});
}

TEST_CASE("finetune: killed and gone on with, it ends in the same bytes") {
  const FineTuned tuned;
  const std::vector<std::string> flags = {"--epochs", "60", "--threads", "1"};
  std::vector<std::string> whole = flags;
  whole.insert(whole.end(), {"--out", tuned.path("whole")});
  REQUIRE(tuned.finetune(whole).code == 0);
  int kills = 0;
  for (const char* seconds : {"0.15", "0.25", "0.4"}) {
    std::vector<std::string> arguments = {"/usr/bin/timeout", "-s",      "KILL", seconds,
                                          AMCL_BINARY,        "finetune"};
    if (fs::exists(tuned.path("killed/config.toml"))) {
      arguments.insert(arguments.end(), {"--resume", tuned.path("killed")});
    } else {
      arguments.insert(arguments.end(), {tuned.path("encoder"), "--data", tuned.path("set"),
                                         "--batch", "8", "--out", tuned.path("killed")});
      arguments.insert(arguments.end(), flags.begin(), flags.end());
    }
    if (test::run_process(arguments).code == 0) break;
    ++kills;
  }
  MESSAGE("killed ", kills, " times");
  if (!fs::exists(tuned.path("killed/summary.json"))) {
    REQUIRE(fs::exists(tuned.path("killed/config.toml")));
    REQUIRE(tuned.amcl({"finetune", "--resume", tuned.path("killed")}).code == 0);
  }
  CHECK(read_file(tuned.path("killed/labels.tsv")) == read_file(tuned.path("whole/labels.tsv")));
  const auto scores = [&](const std::string& run) {
    const json summary = json::parse(read_file(tuned.path(run + "/summary.json")));
    return std::vector<json>{summary.at("loss"), summary.at("held_out_top1"),
                             summary.at("best_step"), summary.at("test_top1")};
  };
  CHECK(scores("killed") == scores("whole"));
}

}  // namespace
}  // namespace amcl
