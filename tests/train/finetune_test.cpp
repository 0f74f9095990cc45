// Runs of amcl finetune.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "engine/io/safetensors.h"
#include "tests/io/scratch_directory.h"
#include "tests/train/tiny_training.h"
#include "train/run/encoder_config.h"
#include "train/run/run_log.h"
#include "train/run/training_run.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// An encoder, and runs that start from it.
struct Runs {
  test::ScratchDirectory directory;
  Config encoder = test::tiny_config({{"data", "shapes10"},
                                      {"limit", "32"},
                                      {"epochs", "1"},
                                      {"out", directory.file("encoder")},
                                      {"eval_every", "0"}});

  Runs() { CHECK(go(encoder) == RunEnd::finished); }

  Config config(const std::string& name, test::Settings changes = {}) const {
    changes.merge(test::Settings{{"method", "classifier"},
                                 {"init", encoder.train.out},
                                 {"data", "shapes10"},
                                 {"limit", "200"},
                                 {"labels", "80"},  // 7 learned and 1 held out of each class
                                 {"batch", "16"},
                                 {"epochs", "3"},  // of 4 steps
                                 {"lr", "0.05"},
                                 {"log_every", "1"},
                                 {"out", directory.file(name)}});
    return with_encoder(resolve_config({.flags = {changes.begin(), changes.end()}}),
                        [](const std::string&) {})
        .config;
  }
  // Stops when it was asked `asked` times, before a step or between batches; 0: does not.
  RunEnd go(const Config& config, int64_t asked = 0, const std::string& resume = {}) const {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(std::tmpfile(), std::fclose);
    int64_t done = -1;
    return run_training(
        config, {.resume = resume, .progress = {}, .notes = output.get(), .results = output.get()},
        [&] { return asked > 0 && done++ == asked; });
  }
};

SafetensorsFile newest(const Config& config) {
  return read_safetensors(config.train.out + "/checkpoint.safetensors");
}
SafetensorsFile best(const Config& config) {
  return read_safetensors(config.train.out + "/best.safetensors");
}

// Tensors whose names begin so.
std::map<std::string, std::vector<std::byte>> tensors(const SafetensorsFile& file,
                                                      const std::string& prefix = {}) {
  std::map<std::string, std::vector<std::byte>> result;
  for (const auto& [name, entry] : file.tensors)
    if (name.starts_with(prefix) && !name.ends_with("num_batches_tracked"))
      result.emplace(name, std::vector<std::byte>(entry.data.begin(), entry.data.end()));
  return result;
}

std::vector<LogRecord> log_of(const Config& config) {
  std::vector<LogRecord> records;
  std::ifstream stream(config.train.out + "/metrics.jsonl");
  for (std::string line; std::getline(stream, line);) {
    records.push_back(LogRecord::parse(line));
    records.back().erase("images_per_second");
    records.back().erase("loader_wait_share");
  }
  return records;
}

LogRecord summary_of(const Config& config) {
  return LogRecord::parse(text_of(config.train.out + "/summary.json"));
}

TEST_CASE("finetune: stopped and gone on with, it ends in the bits of an uninterrupted run") {
  const Runs runs;
  const Config whole = runs.config("whole");
  CHECK(runs.go(whole) == RunEnd::finished);
  Config parts = runs.config("parts");
  CHECK(runs.go(parts, 3) == RunEnd::stopped);  // within the first epoch
  parts.train.workers = 3;
  CHECK(runs.go(parts, 2, parts.train.out) == RunEnd::stopped);  // as the first is evaluated
  CHECK(runs.go(parts, 5, parts.train.out) == RunEnd::stopped);
  CHECK(runs.go(parts, 0, parts.train.out) == RunEnd::finished);

  CHECK(tensors(newest(whole)) == tensors(newest(parts)));
  CHECK(tensors(best(whole)) == tensors(best(parts)));
  CHECK(best(whole).metadata.at("step") == best(parts).metadata.at("step"));
  CHECK(log_of(whole) == log_of(parts));
  CHECK(log_of(whole).size() == 1 + 12 + 3);
  for (const char* score : {"held_out_top1", "best_step", "test_top1", "test_images"})
    CHECK(summary_of(whole)[score] == summary_of(parts)[score]);
  CHECK(text_of(whole.train.out + "/labels.tsv") == text_of(parts.train.out + "/labels.tsv"));
}

TEST_CASE("finetune: the whole network learns, or a frozen backbone keeps every bit") {
  const Runs runs;
  const auto encoder = tensors(newest(runs.encoder), "backbone.");
  const Config whole = runs.config("whole");
  const Config frozen = runs.config("frozen", {{"freeze", "true"}});
  CHECK(runs.go(whole) == RunEnd::finished);
  CHECK(runs.go(frozen) == RunEnd::finished);
  CHECK(tensors(newest(frozen), "backbone.") == encoder);
  CHECK(tensors(best(frozen), "backbone.") == encoder);
  for (const auto& [name, values] : tensors(newest(whole), "backbone."))
    CHECK(values != encoder.at(name));
  CHECK(tensors(newest(frozen), "optimizer.").size() == 2);
  CHECK(newest(frozen).tensors.at("classifier.weight").shape == std::vector<int64_t>{10, 32});
  CHECK(newest(frozen).tensors.at("classifier.bias").shape == std::vector<int64_t>{10});
  CHECK(newest(frozen).metadata.at("class_names").starts_with("[\"circle\",\"square\""));
}

TEST_CASE("finetune: the best checkpoint is that of the epoch that is best on held-out labels") {
  const Runs runs;
  const Config config =
      runs.config("run", {{"epochs", "6"}, {"lr", "0.5"}, {"seed", "4"}, {"schedule", "constant"}});
  CHECK(runs.go(config) == RunEnd::finished);
  int64_t step = 0;
  std::pair<double, double> highest{-1.0, 0.0};
  int records = 0;
  for (const LogRecord& record : log_of(config)) {
    if (!record.contains("held_out_top1")) continue;
    ++records;
    CHECK(record["held_out_images"] == 10);
    const std::pair<double, double> score{record["held_out_top1"].get<double>(),
                                          -record["held_out_loss"].get<double>()};
    if (score > highest) {
      highest = score;
      step = record["step"].get<int64_t>();
    }
  }
  CHECK(records == 6);
  WARN(step < 24);  // else the test does not tell the best from the last
  CHECK(best(config).metadata.at("step") == std::to_string(step));
  CHECK(summary_of(config)["best_step"] == step);
  CHECK(summary_of(config)["held_out_top1"] == highest.first);
}

TEST_CASE(
    "finetune: killed after the best checkpoint was written, it writes the line of it again") {
  const Runs runs;
  const Config config = runs.config("run");
  CHECK(runs.go(config) == RunEnd::finished);
  const std::vector<LogRecord> log = log_of(config);
  const auto bits = tensors(best(config));
  // As a kill at the end of the last evaluation leaves it.
  std::ofstream stream(config.train.out + "/metrics.jsonl", std::ios::trunc);
  for (size_t i = 0; i + 1 < log.size(); ++i) stream << log[i].dump() << '\n';
  stream.close();
  fs::remove(config.train.out + "/summary.json");
  CHECK(runs.go(config, 0, config.train.out) == RunEnd::finished);
  CHECK(log_of(config) == log);
  CHECK(tensors(best(config)) == bits);
  CHECK(summary_of(config).contains("test_top1"));
}

// Labelled images in train/ and test/, a class for each shade of gray.
void write_images(const test::ScratchDirectory& directory, const std::string& part, int count) {
  for (const int shade : {20, 120, 220}) {
    const std::string folder = directory.file("set/" + part + '/' + std::to_string(shade));
    fs::create_directories(folder);
    for (int i = 0; i < count; ++i)
      std::ofstream(folder + '/' + std::to_string(i) + ".ppm", std::ios::binary)
          << "P6 8 8 255 " << std::string(192, static_cast<char>(shade + i));
  }
}

TEST_CASE("finetune: test images are scored once, in the end, and decide nothing") {
  const Runs runs;
  write_images(runs.directory, "train", 12);
  write_images(runs.directory, "test", 4);
  const test::Settings data{{"data", runs.directory.file("set")}, {"labels", "all"}, {"size", "8"}};
  const Config config = runs.config("with", data);
  CHECK(runs.go(config) == RunEnd::finished);
  CHECK(summary_of(config)["test_images"] == 12);
  std::istringstream list(text_of(config.train.out + "/labels.tsv"));
  std::map<std::string, int> parts;
  std::set<std::string> names;
  for (std::string line; std::getline(list, line);) {
    ++parts[line.substr(line.rfind('\t') + 1)];
    CHECK(line.find("test") == std::string::npos);
    CHECK(names.insert(line.substr(line.find('\t'))).second);
  }
  CHECK(parts == std::map<std::string, int>{{"part", 1}, {"learned", 33}, {"held-out", 3}});

  // Other test images, and none: the same run.
  fs::remove_all(runs.directory.file("set/test"));
  write_images(runs.directory, "test", 2);
  const Config other = runs.config("other", data);
  test::Settings training = data;
  training["data"] += "/train";
  const Config without = runs.config("without", training);
  for (const Config& again : {other, without}) {
    CHECK(runs.go(again) == RunEnd::finished);
    CHECK(tensors(newest(again)) == tensors(newest(config)));
    CHECK(tensors(best(again)) == tensors(best(config)));
    CHECK(log_of(again) == log_of(config));
  }
  CHECK(summary_of(other)["test_images"] == 6);
  CHECK_FALSE(summary_of(without).contains("test_top1"));
}

TEST_CASE("finetune: from scratch the encoder's weights do not count, its network does") {
  const Runs runs;
  Config other = runs.encoder;
  other.train.out = runs.directory.file("other");
  other.train.seed = 2;
  CHECK(runs.go(other) == RunEnd::finished);
  const auto finetuned = [&](const std::string& name, const std::string& init, bool scratch) {
    const Config config = runs.config(
        name, {{"init", init}, {"random_init", scratch ? "true" : "false"}, {"epochs", "1"}});
    CHECK(runs.go(config) == RunEnd::finished);
    return tensors(newest(config), "backbone.");
  };
  const auto scratch = finetuned("a", runs.encoder.train.out, true);
  CHECK(finetuned("b", other.train.out, true) == scratch);
  CHECK(finetuned("c", runs.encoder.train.out, false) != scratch);
  CHECK(finetuned("d", other.train.out, false) != finetuned("e", runs.encoder.train.out, false));
}

TEST_CASE("finetune: the linear layer has a rate of its own") {
  const Runs runs;
  const auto first_steps = [&](const std::string& name, const test::Settings& rates) {
    test::Settings changes = rates;
    changes.merge(test::Settings{{"epochs", "1"}, {"schedule", "constant"}});
    const Config config = runs.config(name, changes);
    CHECK(runs.go(config) == RunEnd::finished);
    return newest(config);
  };
  const SafetensorsFile still = first_steps("still", {{"lr", "0.05"}, {"head_lr", "0"}});
  const SafetensorsFile moved = first_steps("moved", {{"lr", "0.05"}, {"head_lr", "0.1"}});
  const SafetensorsFile slow = first_steps("slow", {{"lr", "1e-9"}, {"head_lr", "0.1"}});
  CHECK(tensors(still, "classifier.") != tensors(moved, "classifier."));
  CHECK(tensors(still, "classifier.") != tensors(slow, "classifier."));
  const SafetensorsFile other = first_steps("other", {{"lr", "0.1"}, {"head_lr", "0"}});
  CHECK(tensors(still, "classifier.") == tensors(other, "classifier."));
}

TEST_CASE("finetune: micro-batches give the loss and the linear layer of whole batches") {
  const Runs runs;
  const Config whole = runs.config("whole", {{"freeze", "true"}});
  const Config parts = runs.config("parts", {{"freeze", "true"}, {"micro_batch", "4"}});
  CHECK(runs.go(whole) == RunEnd::finished);
  CHECK(runs.go(parts) == RunEnd::finished);
  const std::vector<float> a = newest(whole).tensors.at("classifier.weight").values<float>();
  const std::vector<float> b = newest(parts).tensors.at("classifier.weight").values<float>();
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-4));
}

TEST_CASE(
    "finetune: few labels, one of each class: none is held out, and the last checkpoint counts") {
  const Runs runs;
  const Config config = runs.config("run", {{"labels", "10"}, {"batch", "64"}});
  CHECK(runs.go(config) == RunEnd::finished);
  CHECK_FALSE(fs::exists(config.train.out + "/best.safetensors"));
  CHECK(summary_of(config).contains("test_top1"));
  CHECK(summary_of(config)["steps"] == 3);  // of 10 images, however large the batch was to be
}

}  // namespace
}  // namespace amcl
