#include "train/run/pretrain.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "engine/core/parallel_for.h"
#include "engine/io/safetensors.h"
#include "tests/io/scratch_directory.h"
#include "tests/support/compute_threads.h"
#include "tests/train/tiny_training.h"
#include "train/run/run_log.h"

namespace amcl {
namespace {

// What was written to a file so far.
std::string text_of(std::FILE* file) {
  std::string text(static_cast<size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  return text;
}

// Runs in a directory of their own, with what they printed.
struct Runs {
  test::ScratchDirectory directory;
  std::string printed;

  Config config(const std::string& name) const {
    Config config = test::tiny_config();
    config.data = {.data = "shapes10", .limit = 32};  // 4 steps per epoch, 8 in all
    config.train.out = directory.file(name);
    config.train.eval_every = 1;
    return config;
  }
  // Stops after `steps` steps of this call; 0: does not.
  PretrainEnd go(const Config& config, int64_t steps = 0, const std::string& resume = {},
                 bool dry_run = false) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(std::tmpfile(), std::fclose);
    const PretrainOptions options{.resume = resume,
                                  .dry_run = dry_run,
                                  .progress = {},
                                  .notes = output.get(),
                                  .results = output.get()};
    int64_t done = 0;  // asked before each step
    const PretrainEnd end = pretrain(config, options, [&] { return steps > 0 && done++ == steps; });
    printed = text_of(output.get());
    return end;
  }
};

SafetensorsFile newest(const Config& config) {
  return read_safetensors(config.train.out + "/checkpoint.safetensors");
}

bool same_tensors(const SafetensorsFile& a, const SafetensorsFile& b) {
  return a.tensors.size() == b.tensors.size() &&
         std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && x.second.shape == y.second.shape &&
                             x.second.data == y.second.data;
                    });
}

std::vector<LogRecord> log_of(const Config& config) {
  std::vector<LogRecord> records;
  std::ifstream stream(config.train.out + "/metrics.jsonl");
  for (std::string line; std::getline(stream, line);) records.push_back(LogRecord::parse(line));
  return records;
}

// The log's lines without what depends on the clock.
std::vector<std::string> timeless_log(const Config& config) {
  std::vector<std::string> lines;
  for (LogRecord record : log_of(config)) {
    record.erase("pairs_per_second");
    record.erase("loader_wait_share");
    lines.push_back(record.dump());
  }
  return lines;
}

TEST_CASE("pretrain: a run that was stopped twice ends in the bits of an uninterrupted one") {
  Runs runs;
  const Config whole = runs.config("whole");
  CHECK(runs.go(whole) == PretrainEnd::finished);

  Config parts = runs.config("parts");
  CHECK(runs.go(parts, 3) == PretrainEnd::stopped);  // in the middle of the first epoch
  CHECK(runs.printed.find("to go on: amcl pretrain --resume " + parts.train.out) !=
        std::string::npos);
  parts.train.workers = 3;
  parts.train.checkpoint_every = 5;
  CHECK(runs.go(parts, 4, parts.train.out) == PretrainEnd::stopped);  // as the first is evaluated
  CHECK(runs.go(parts, 0, parts.train.out) == PretrainEnd::finished);

  CHECK(same_tensors(newest(whole), newest(parts)));
  CHECK(newest(whole).metadata.at("step") == newest(parts).metadata.at("step"));
  CHECK(timeless_log(whole) == timeless_log(parts));
  // The chance level, 8 steps and two online evaluations, whose probe went on as well.
  CHECK(timeless_log(whole).size() == 11);
}

TEST_CASE("pretrain: a stop during an evaluation loses nothing of it") {
  Runs runs;
  const Config whole = runs.config("whole");
  runs.go(whole);
  const Config parts = runs.config("parts");
  // Asked before each of the four steps of an epoch, and then for each batch of its evaluation.
  CHECK(runs.go(parts, 5) == PretrainEnd::stopped);
  CHECK(newest(parts).metadata.at("step") == "4");
  CHECK(timeless_log(parts).size() == 5);  // without the evaluation
  CHECK(runs.go(parts, 0, parts.train.out) == PretrainEnd::finished);
  CHECK(same_tensors(newest(whole), newest(parts)));
  CHECK(timeless_log(whole) == timeless_log(parts));
}

TEST_CASE("pretrain: the checkpoint of an epoch is there before its evaluation") {
  Runs runs;
  const Config config = runs.config("run");
  const PretrainOptions options{
      .resume = {}, .progress = {}, .notes = std::tmpfile(), .results = std::tmpfile()};
  std::vector<std::string> saved;  // when asked
  pretrain(config, options, [&] {
    const bool any = std::filesystem::exists(config.train.out + "/checkpoint.safetensors");
    saved.push_back(any ? newest(config).metadata.at("step") : "");
    return false;
  });
  CHECK(saved ==
        std::vector<std::string>{"", "", "", "", "4", "4", "4", "4", "4", "4", "4", "8", "8", "8"});
  std::fclose(options.notes);
  std::fclose(options.results);
}

TEST_CASE("pretrain: every method goes on to the same bits") {
  Runs runs;
  for (const char* method : test::kMethods)
    for (const char* temperature : {"fixed", "adaptive"}) {
      CAPTURE(method);
      CAPTURE(temperature);
      const std::string name = concat_text(method, '-', temperature);
      const auto config_of = [&](const std::string& part) {
        Config config = test::tiny_config(method, temperature);
        config.data = {.data = "shapes10", .limit = 24};  // 3 steps per epoch, 6 in all
        config.train.out = runs.directory.file(name + part);
        return config;
      };
      const Config whole = config_of("-whole");
      const Config parts = config_of("-parts");
      CHECK(runs.go(whole) == PretrainEnd::finished);
      CHECK(runs.go(parts, 4) == PretrainEnd::stopped);
      CHECK(runs.go(parts, 0, parts.train.out) == PretrainEnd::finished);
      CHECK(same_tensors(newest(whole), newest(parts)));
      CHECK(timeless_log(whole) == timeless_log(parts));
      for (const LogRecord& record : log_of(whole))
        if (record["step"].get<int>() > 0)
          CHECK(record["loss_per_head"].size() == record["feature_std"].size());
    }
}

TEST_CASE("pretrain: shuffled keys without parts to shuffle over are warned of") {
  Runs runs;
  Config config = runs.config("run");
  config.model.method = "moco";
  config.model.queue = 16;
  config.model.bn_splits = 1;
  runs.go(config, 1);
  CHECK(runs.printed.find("warning: shuffle_bn has no effect with --bn-splits 1") !=
        std::string::npos);
  config.train.overwrite = true;
  config.model.bn_splits = 2;
  runs.go(config, 1);
  CHECK(runs.printed.find("shuffle_bn") == std::string::npos);
}

TEST_CASE("pretrain: the log begins with the chance level and follows the run") {
  Runs runs;
  Config config = runs.config("run");
  config.train.log_every = 3;
  config.train.eval_every = 0;
  runs.go(config);
  const std::vector<LogRecord> log = log_of(config);
  REQUIRE(log.size() == 5);
  CHECK(log[0]["step"].get<int>() == 0);
  CHECK(log[0]["chance_loss"].get<double>() > 0.0);
  const std::vector<int> steps{1, 3, 6, 8};
  for (size_t i = 0; i < steps.size(); ++i) CHECK(log[i + 1]["step"].get<int>() == steps[i]);
  CHECK(log[3]["epoch"].get<int>() == 1);
  const LogRecord summary = LogRecord::parse(test::read_text(config.train.out + "/summary.json"));
  CHECK(summary["status"].get<std::string>() == "finished");
  CHECK(summary["step"].get<int>() == 8);
  CHECK(summary["loss"].get<double>() == log[4]["loss"].get<double>());
}

TEST_CASE("pretrain: the online evaluation changes no bit of the training") {
  Runs runs;
  const Config with = runs.config("with");
  Config without = runs.config("without");
  without.train.eval_every = 0;
  runs.go(with);
  CHECK(runs.printed.find("epoch 1: kNN ") != std::string::npos);
  CHECK(runs.printed.find(" % (8 test images), effective rank ") != std::string::npos);
  runs.go(without);
  CHECK(runs.printed.find("kNN") == std::string::npos);
  SafetensorsFile file = newest(with);
  REQUIRE(file.tensors.erase("online_probe.values") == 1);
  REQUIRE(file.tensors.erase("online_probe.velocity") == 1);
  CHECK(same_tensors(file, newest(without)));

  const LogRecord last = log_of(with).back();
  CHECK(last["step"].get<int>() == 8);
  CHECK(last["epoch"].get<int>() == 1);
  CHECK(last["knn_bank"].get<int>() == 32);
  CHECK(last["test_images"].get<int>() == 8);
  const LogRecord summary = LogRecord::parse(test::read_text(with.train.out + "/summary.json"));
  CHECK(summary["knn_top1"] == last["knn_top1"]);
}

// Replaces a piece of the configuration that a run's checkpoint holds.
void rewrite_stored_config(const Config& config, const std::string& from, const std::string& to) {
  SafetensorsFile file = newest(config);
  std::string& stored = file.metadata.at("config");
  REQUIRE(stored.find(from) != std::string::npos);
  stored.replace(stored.find(from), from.size(), to);
  file.metadata.erase("crc32c");
  write_safetensors(config.train.out + "/checkpoint.safetensors", file, /*with_crc=*/true);
}

TEST_CASE("pretrain: a run goes on on another GPU, but not on another kind of device") {
  Runs runs;
  Config config = runs.config("run");
  runs.go(config, 3);
  rewrite_stored_config(config, "device = \"cpu\"", "device = \"cuda\"");
  config.train.precision = "f32";
  CHECK_THROWS_WITH_AS(runs.go(config, 0, config.train.out),
                       doctest::Contains("[train] device is \"cpu\", but the run was started with "
                                         "\"cuda\""),
                       Error);
  config.train.device = "cuda:99";  // accepted, and then it is not there
  CHECK_THROWS_WITH_AS(runs.go(config, 0, config.train.out), doctest::Contains("device cuda"),
                       Error);
}

// As runs were stored when the key was always there, and when it was left out where it was not given.
TEST_CASE("pretrain: a run goes on in the precision that it was trained in, named or not") {
  Runs runs;
  const Config whole = runs.config("whole");
  runs.go(whole);
  const auto go_on = [&](const std::string& name, std::optional<std::string> at_first,
                         std::optional<std::string> later) {
    Config config = runs.config(name);
    config.train.precision = std::move(at_first);
    runs.go(config, 3);
    const std::string stored = config.train.out + "/config.toml";
    const std::string line = "precision = \"f32\"\n";
    CHECK(test::read_text(stored).find(line) != std::string::npos);
    if (!later) rewrite_stored_config(config, line, "");
    config.train.precision = std::move(later);
    CHECK(runs.go(config, 0, config.train.out) == PretrainEnd::finished);
    CHECK(same_tensors(newest(whole), newest(config)));
  };
  go_on("named", "f32", "f32");
  go_on("named later", std::nullopt, "f32");
  go_on("never named", std::nullopt, std::nullopt);

  Config other = runs.config("other");
  runs.go(other, 3);
  other.train.precision = "bf16";
  CHECK_THROWS_WITH_AS(runs.go(other, 0, other.train.out),
                       doctest::Contains("[train] precision is \"bf16\", but the run was started "
                                         "with \"f32\""),
                       Error);
}

TEST_CASE("pretrain: resume refuses other settings and other data by name") {
  Runs runs;
  Config config = runs.config("run");
  runs.go(config, 2);
  const SafetensorsFile before = newest(config);

  Config other = config;
  other.optimizer.lr = 0.1;
  CHECK_THROWS_WITH_AS(runs.go(other, 0, config.train.out),
                       doctest::Contains("resume: [optimizer] lr is 0.1, but the run was started "
                                         "with 0.06"),
                       Error);
  other = config;
  other.model.method = "moco";
  other.model.bn_splits = 1;
  CHECK_THROWS_WITH_AS(runs.go(other, 0, config.train.out),
                       doctest::Contains("[model] method is \"moco\", but the run was started with "
                                         "\"simclr\""),
                       Error);
  other = config;
  other.data.limit = 24;
  CHECK_THROWS_WITH_AS(runs.go(other, 0, config.train.out),
                       doctest::Contains("[data] limit is 24, but the run was started with 32"),
                       Error);
  CHECK(same_tensors(newest(config), before));
}

TEST_CASE("pretrain: resume refuses images that have changed") {
  Runs runs;
  const std::string data = runs.directory.file("images");
  const auto write_images = [&](char pixel) {
    constexpr size_t kRecord = 1 + 3 * 32 * 32;  // label, planes
    std::string records(16 * kRecord, pixel);
    for (size_t i = 0; i < records.size(); i += kRecord) records[i] = 0;
    test::write_text(data + "/data_batch_1.bin", records);
  };
  std::filesystem::create_directory(data);
  write_images(10);
  Config config = runs.config("run");
  config.data = {.data = data};
  runs.go(config, 1);
  write_images(20);
  CHECK_THROWS_WITH_AS(runs.go(config, 0, config.train.out),
                       doctest::Contains("resume: the images of "), Error);
}

TEST_CASE("pretrain: another number of threads is allowed and warned of") {
  Runs runs;
  Config config = runs.config("run");
  const test::ComputeThreads restored(1);
  config.train.threads = 1;
  runs.go(config, 1);
  config.train.threads = 2;
  CHECK(runs.go(config, 1, config.train.out) == PretrainEnd::stopped);
  CHECK(runs.printed.find("warning: the run was started with 1 threads and goes on with 2") !=
        std::string::npos);
}

TEST_CASE("pretrain: a checkpoint that cannot be written is a warning, the last one an error") {
  Runs runs;
  const Config config = runs.config("run");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(std::tmpfile(), std::fclose);
  const PretrainOptions options{
      .resume = {}, .progress = {}, .notes = output.get(), .results = output.get()};
  bool running = false;
  const auto run = [&] {
    pretrain(config, options, [&] {
      if (running) std::filesystem::remove_all(config.train.out);
      running = true;
      return false;
    });
  };
  CHECK_THROWS_WITH_AS(run(), doctest::Contains("checkpoint.safetensors"), Error);
  const std::string notes = text_of(output.get());
  CHECK(notes.find("warning: no checkpoint at step 4: ") != std::string::npos);
  CHECK(notes.find("warning: no checkpoint at step 8: ") != std::string::npos);  // it went on
}

TEST_CASE("pretrain: a finished run cannot go on, and says what can be done") {
  Runs runs;
  const Config config = runs.config("run");
  runs.go(config);
  CHECK_THROWS_WITH_AS(runs.go(config, 0, config.train.out),
                       doctest::Contains("is finished (8 steps)"), Error);
}

TEST_CASE("pretrain: init starts a new run from the weights alone") {
  Runs runs;
  const Config first = runs.config("first");
  runs.go(first);
  Config second = runs.config("second");
  second.train.init = first.train.out;
  second.optimizer.lr = 1e-9;
  runs.go(second, 1);
  const std::string key = "backbone.conv1.weight";
  const auto from = newest(first).tensors.at(key).values<float>();
  const auto to = newest(second).tensors.at(key).values<float>();
  for (size_t i = 0; i < from.size(); ++i) CHECK(to[i] == doctest::Approx(from[i]).epsilon(1e-5));
  CHECK(newest(second).metadata.at("step") == "1");

  // Nor does the new run see images as the first one did.
  Config smaller = runs.config("smaller");
  smaller.train.init = first.train.out;
  smaller.data.size = 24;
  smaller.data.mean = {0.1, 0.2, 0.3};
  runs.go(smaller, 1);
  INFO(runs.printed);
  CHECK(runs.printed.find("step 8): weights only, learnt on images of 32 x 32") !=
        std::string::npos);
  CHECK(runs.printed.find("this run's are 24 x 24") != std::string::npos);
  CHECK(newest(smaller).metadata.at("size") == "24");
  CHECK(newest(smaller).metadata.at("normalization_mean") == "0.1 0.2 0.3");

  Config wider = runs.config("wider");
  wider.train.init = first.train.out;
  wider.model.width = 6;
  CHECK_THROWS_AS(runs.go(wider), Error);
  CHECK_FALSE(std::filesystem::exists(wider.train.out));
}

TEST_CASE("pretrain: the plan is printed and nothing is written") {
  Runs runs;
  const Config config = runs.config("run");
  CHECK(runs.go(config, 0, {}, /*dry_run=*/true) == PretrainEnd::finished);
  CHECK(runs.printed.find("expected peak") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(config.train.out));
}

TEST_CASE("pretrain: a directory that holds a run is left alone without overwrite") {
  Runs runs;
  Config config = runs.config("run");
  runs.go(config, 1);
  const SafetensorsFile before = newest(config);
  CHECK_THROWS_WITH_AS(runs.go(config), doctest::Contains("overwrite"), Error);
  CHECK(same_tensors(newest(config), before));
  config.train.overwrite = true;
  CHECK(runs.go(config, 2) == PretrainEnd::stopped);
  CHECK(newest(config).metadata.at("step") == "2");
}

}  // namespace
}  // namespace amcl
