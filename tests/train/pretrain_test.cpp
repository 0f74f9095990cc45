#include "train/run/training_run.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "engine/core/parallel_for.h"
#include "engine/io/safetensors.h"
#include "tests/io/scratch_directory.h"
#include "tests/support/compute_threads.h"
#include "tests/train/tiny_training.h"
#include "train/checkpoint/run_directory.h"
#include "train/checkpoint/run_files.h"
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

  Config config(const std::string& name, test::Settings changes = {}) const {
    changes.merge(test::Settings{{"data", "shapes10"},
                                 {"limit", "32"},  // 4 steps per epoch, 8 in all
                                 {"out", directory.file(name)},
                                 {"eval_every", "1"}});
    return test::tiny_config(std::move(changes));
  }
  // Stops after `steps` steps of this call; 0: does not.
  RunEnd go(const Config& config, int64_t steps = 0, const std::string& resume = {},
            bool dry_run = false) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(std::tmpfile(), std::fclose);
    const RunOptions options{.resume = resume,
                             .dry_run = dry_run,
                             .progress = {},
                             .notes = output.get(),
                             .results = output.get()};
    int64_t done = -1;  // asked once there is something to save, and before each step
    const RunEnd end = run_training(config, options, [&] { return steps > 0 && done++ == steps; });
    printed = text_of(output.get());
    return end;
  }
  // Calls `act` after `steps` steps, and goes on.
  void go_and(const Config& config, int64_t steps, const std::function<void()>& act) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(std::tmpfile(), std::fclose);
    const RunOptions options{
        .resume = {}, .progress = {}, .notes = output.get(), .results = output.get()};
    int64_t done = -1;
    try {
      run_training(config, options, [&] {
        if (done++ == steps) act();
        return false;
      });
    } catch (...) {
      printed = text_of(output.get());
      throw;
    }
    printed = text_of(output.get());
  }
  // As a kill does: ends after `steps` steps without a word.
  void kill(const Config& config, int64_t steps) {
    struct Killed {};
    CHECK_THROWS_AS(go_and(config, steps, [] { throw Killed(); }), Killed);
  }
  bool has_printed(const std::string& text) const {
    return printed.find(text) != std::string::npos;
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

std::vector<LogRecord> log_of(const Config& config, const char* name = "metrics.jsonl") {
  std::vector<LogRecord> records;
  std::ifstream stream(config.train.out + '/' + name);
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
  CHECK(runs.go(whole) == RunEnd::finished);

  Config parts = runs.config("parts");
  CHECK(runs.go(parts, 3) == RunEnd::stopped);  // in the middle of the first epoch
  CHECK(runs.printed.find("to go on: amcl pretrain --resume " + parts.train.out) !=
        std::string::npos);
  parts.train.workers = 3;
  parts.train.checkpoint_every = 5;
  CHECK(runs.go(parts, 4, parts.train.out) == RunEnd::stopped);  // as the first is evaluated
  CHECK(runs.go(parts, 0, parts.train.out) == RunEnd::finished);

  CHECK(same_tensors(newest(whole), newest(parts)));
  CHECK(newest(whole).metadata.at("step") == newest(parts).metadata.at("step"));
  CHECK(timeless_log(whole) == timeless_log(parts));
  const std::vector<LogRecord> heads = log_of(whole, "heads.jsonl");
  CHECK(heads == log_of(parts, "heads.jsonl"));
  REQUIRE(heads.size() == 3);  // the first step and the end of each epoch
  CHECK(heads[0]["step"] == 1);
  CHECK(heads[1]["step"] == 4);
  CHECK(heads[2]["step"] == 8);
  // The chance level, 8 steps and two online evaluations, whose probe went on as well.
  CHECK(timeless_log(whole).size() == 11);
}

TEST_CASE("pretrain: a stop during an evaluation loses nothing of it") {
  Runs runs;
  const Config whole = runs.config("whole");
  runs.go(whole);
  const Config parts = runs.config("parts");
  // Asked before each of the four steps of an epoch, and then for each batch of its evaluation.
  CHECK(runs.go(parts, 5) == RunEnd::stopped);
  CHECK(newest(parts).metadata.at("step") == "4");
  CHECK(timeless_log(parts).size() == 5);  // without the evaluation
  CHECK(runs.go(parts, 0, parts.train.out) == RunEnd::finished);
  CHECK(same_tensors(newest(whole), newest(parts)));
  CHECK(timeless_log(whole) == timeless_log(parts));
}

TEST_CASE("pretrain: the checkpoint of an epoch is there before its evaluation") {
  Runs runs;
  const Config config = runs.config("run");
  const RunOptions options{
      .resume = {}, .progress = {}, .notes = std::tmpfile(), .results = std::tmpfile()};
  std::vector<std::string> saved;  // when asked
  run_training(config, options, [&] {
    const bool any = std::filesystem::exists(config.train.out + "/checkpoint.safetensors");
    saved.push_back(any ? newest(config).metadata.at("step") : "");
    return false;
  });
  CHECK(saved == std::vector<std::string>{"", "", "", "", "", "4", "4", "4", "4", "4", "4", "4",
                                          "8", "8", "8"});
  std::fclose(options.notes);
  std::fclose(options.results);
}

TEST_CASE("pretrain: what was left open is chosen by the views, said, stored and kept") {
  Runs runs;
  Config config = runs.config("run", {{"stem", "auto"}});
  CHECK(runs.go(config, 2) == RunEnd::stopped);
  CHECK(runs.printed.find("chosen     --stem cifar: views of 32 px are at most 64\n") !=
        std::string::npos);
  CHECK(runs.printed.find("chosen     --blur 0: ") != std::string::npos);
  const std::string stored = newest(config).metadata.at("config");
  CHECK(stored.find("stem = \"cifar\"") != std::string::npos);
  CHECK(stored.find("blur = 0.0") != std::string::npos);
  CHECK(runs.go(config, 0, config.train.out) == RunEnd::finished);

  config.data.reading.size = 72;
  runs.go(config, 0, {}, /*dry_run=*/true);
  CHECK(runs.printed.find("chosen     --stem imagenet: views of 72 px are above 64\n") !=
        std::string::npos);
}

TEST_CASE("pretrain: every method goes on to the same bits") {
  Runs runs;
  for (const char* method : test::kMethods)
    for (const char* temperature : test::temperatures_of(method)) {
      CAPTURE(method);
      CAPTURE(temperature);
      const std::string name = concat_text(method, '-', temperature);
      const auto config_of = [&](const std::string& part) {
        return test::tiny_config(method, temperature,
                                 {{"data", "shapes10"},
                                  {"limit", "24"},  // 3 steps per epoch, 6 in all
                                  {"out", runs.directory.file(name + part)}});
      };
      const Config whole = config_of("-whole");
      const Config parts = config_of("-parts");
      CHECK(runs.go(whole) == RunEnd::finished);
      CHECK(runs.go(parts, 4) == RunEnd::stopped);
      CHECK(runs.go(parts, 0, parts.train.out) == RunEnd::finished);
      CHECK(same_tensors(newest(whole), newest(parts)));
      CHECK(timeless_log(whole) == timeless_log(parts));
      for (const LogRecord& record : log_of(whole))
        if (record["step"].get<int>() > 0)
          CHECK(record["loss_per_head"].size() == record["feature_std"].size());
    }
}

TEST_CASE("pretrain: shuffled keys without parts to shuffle over are warned of") {
  Runs runs;
  Config config = runs.config("run", {{"method", "moco"}, {"queue", "16"}, {"bn_splits", "1"}});
  runs.go(config, 1);
  CHECK(runs.printed.find("warning: shuffle_bn has no effect with --bn-splits 1") !=
        std::string::npos);
  config.train.overwrite = true;
  test::set(config, {{"bn_splits", "2"}});
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
  const auto go_on = [&](const std::string& name, bool named) {
    const Config config = runs.config(name);
    runs.go(config, 3);
    const std::string stored = config.train.out + "/config.toml";
    const std::string line = "precision = \"f32\"\n";
    CHECK(test::read_text(stored).find(line) != std::string::npos);
    if (!named) rewrite_stored_config(config, line, "");
    CHECK(runs.go(config, 0, config.train.out) == RunEnd::finished);
    CHECK(same_tensors(newest(whole), newest(config)));
  };
  go_on("named", true);
  go_on("not named", false);

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
  other.schedule.lr = 0.1;
  CHECK_THROWS_WITH_AS(runs.go(other, 0, config.train.out),
                       doctest::Contains("resume: [optimizer] lr is 0.1, but the run was started "
                                         "with 0.06"),
                       Error);
  other = runs.config("run", {{"method", "moco"}, {"bn_splits", "1"}});
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
  config.data = {.data = data, .reading = {}};
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
  CHECK(runs.go(config, 1, config.train.out) == RunEnd::stopped);
  CHECK(runs.printed.find("warning: the run was started with 1 threads and goes on with 2") !=
        std::string::npos);
}

TEST_CASE("pretrain: a checkpoint that cannot be written is a warning, the last one an error") {
  Runs runs;
  const Config config = runs.config("run");
  const auto obstruct = [&] {
    std::filesystem::create_directory(config.train.out + "/checkpoint.safetensors.tmp");
  };
  CHECK_THROWS_WITH_AS(runs.go_and(config, 2, obstruct),
                       doctest::Contains("checkpoint.safetensors"), Error);
  CHECK(log_of(config).back()["step"].get<int>() ==
        8);  // the end of the first epoch did not end it
  for (const char* step : {"4", "8"})
    CHECK(runs.has_printed(concat_text("warning: no checkpoint at step ", step, ": ")));
}

TEST_CASE("pretrain: a run whose directory another run has taken ends and leaves it alone") {
  Runs runs;
  const Config config = runs.config("run");
  std::optional<RunDirectory> other;
  const auto take = [&] {
    std::filesystem::remove_all(config.train.out);
    other.emplace(RunDirectory::create(config.train.out, false));
    other->write_config("of another run");
  };
  try {
    runs.go_and(config, 2, take);
    FAIL("it went on");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::io);
    CHECK(error.what() == doctest::Contains("was replaced by that of another run"));
  }
  CHECK(test::read_text(config.train.out + "/config.toml") == "of another run");
  CHECK_FALSE(std::filesystem::exists(config.train.out + "/metrics.jsonl"));
  CHECK(list_checkpoints(config.train.out).empty());
}

TEST_CASE("pretrain: a directory that is removed meanwhile is written again") {
  Runs runs;
  Config whole = runs.config("whole");
  whole.train.checkpoint_every = 2;
  whole.train.log_every = 100;
  runs.go(whole);
  Config removed = whole;
  removed.train.out = runs.directory.file("removed");
  runs.go_and(removed, 2, [&] { std::filesystem::remove_all(removed.train.out); });
  CHECK(runs.has_printed("warning: run directory " + removed.train.out + " was removed"));
  CHECK(same_tensors(newest(whole), newest(removed)));
  CHECK(timeless_log(whole) == timeless_log(removed));
  CHECK(list_checkpoints(removed.train.out).size() == 2);  // of the next epoch's end, and the last
  CHECK(stored_step(list_checkpoints(removed.train.out).back()) == 4);
  CHECK(test::read_text(removed.train.out + "/config.toml").find("[train]") != std::string::npos);
}

TEST_CASE("pretrain: a run that was killed before its first checkpoint begins anew") {
  Runs runs;
  const Config first = runs.config("first");
  runs.go(first, 1);
  for (const bool from_weights : {false, true}) {
    CAPTURE(from_weights);
    const auto config_of = [&](const std::string& name) {
      Config config = runs.config(name + (from_weights ? "-init" : ""));
      config.data.limit = 16;  // 4 steps
      if (from_weights) config.train.init = first.train.out;
      return config;
    };
    const Config whole = config_of("whole");
    const Config killed = config_of("killed");
    runs.go(whole);
    runs.kill(killed, 1);
    REQUIRE(list_checkpoints(killed.train.out).empty());
    CHECK_THROWS_WITH_AS(runs.go(killed), doctest::Contains("--resume"), Error);
    Config other = killed;
    other.schedule.lr = 0.1;
    CHECK_THROWS_WITH_AS(runs.go(other, 0, killed.train.out), doctest::Contains("lr is 0.1"),
                         Error);

    CHECK(runs.go(killed, 0, killed.train.out) == RunEnd::finished);
    CHECK(same_tensors(newest(whole), newest(killed)));
    CHECK(timeless_log(whole) == timeless_log(killed));
  }
}

// Breaks a byte of the last tensor.
void damage(const std::string& checkpoint) {
  std::string content = test::read_text(checkpoint);
  content[content.size() - 5] ^= 0x40;
  test::write_text(checkpoint, content);
}

TEST_CASE("pretrain: a run whose newest checkpoint is damaged goes on from the one before") {
  Runs runs;
  Config whole = runs.config("whole");
  Config damaged = runs.config("damaged");
  whole.train.eval_every = damaged.train.eval_every = 0;
  runs.go(whole);
  runs.go(damaged, 6);  // the checkpoint before is that of step 4
  const std::string checkpoint = damaged.train.out + "/checkpoint.safetensors";
  damage(checkpoint);
  CHECK(runs.go(damaged, 1, damaged.train.out) == RunEnd::stopped);
  INFO(runs.printed);
  CHECK(runs.has_printed("warning: " + checkpoint + " is damaged"));
  CHECK(
      runs.has_printed("checkpoint-step-4.safetensors takes its place, at step 4 instead of 6: 2 "
                       "steps are lost"));
  CHECK(
      runs.has_printed("goes back to step 4: later lines of metrics.jsonl are removed, later "
                       "checkpoints are now " +
                       damaged.train.out + "/abandoned-checkpoint.safetensors"));
  CHECK(newest(damaged).metadata.at("step") == "5");
  CHECK(log_of(damaged).back()["step"].get<int>() == 5);
  CHECK(list_checkpoints(damaged.train.out).size() == 2);

  CHECK(runs.go(damaged, 0, damaged.train.out) == RunEnd::finished);
  CHECK(same_tensors(newest(whole), newest(damaged)));
  CHECK(timeless_log(whole) == timeless_log(damaged));
}

TEST_CASE("pretrain: a run goes on from any of its checkpoints") {
  Runs runs;
  const Config config = runs.config("run");
  runs.go(config);
  const SafetensorsFile end = newest(config);
  const std::vector<std::string> log = timeless_log(config);
  const std::string earlier = config.train.out + "/checkpoint-step-4.safetensors";
  CHECK(runs.go(config, 1, earlier) == RunEnd::stopped);
  CHECK(newest(config).metadata.at("step") == "5");
  CHECK(log_of(config).back()["step"].get<int>() == 5);
  CHECK(
      same_tensors(read_safetensors(config.train.out + "/abandoned-checkpoint.safetensors"), end));

  CHECK(runs.go(config, 0, config.train.out + "/checkpoint.safetensors") == RunEnd::finished);
  CHECK_FALSE(runs.has_printed("goes back"));
  CHECK(same_tensors(newest(config), end));
  CHECK(timeless_log(config) == log);
}

TEST_CASE("pretrain: a finished run is finished again, and gets what a kill has kept from it") {
  Runs runs;
  const Config config = runs.config("run");
  runs.go(config);
  const SafetensorsFile end = newest(config);
  const std::string log = test::read_text(config.train.out + "/metrics.jsonl");
  const std::string path = config.train.out + "/summary.json";
  const LogRecord summary = LogRecord::parse(test::read_text(path));

  CHECK(runs.go(config, 0, config.train.out) == RunEnd::finished);
  CHECK(runs.has_printed("finished before, at step 8"));
  CHECK(runs.has_printed(config.train.out + "/checkpoint.safetensors\n"));
  CHECK(LogRecord::parse(test::read_text(path)) == summary);

  std::filesystem::remove(path);
  CHECK(runs.go(config, 0, config.train.out) == RunEnd::finished);
  const LogRecord again = LogRecord::parse(test::read_text(path));
  for (const char* key : {"status", "step", "steps", "loss", "knn_top1", "linear_top1"})
    CHECK_MESSAGE(again.at(key) == summary.at(key), key);
  CHECK(again.at("pairs_per_second").is_null());  // nobody knows any more
  CHECK(test::read_text(config.train.out + "/metrics.jsonl") == log);
  CHECK(same_tensors(newest(config), end));
}

TEST_CASE("pretrain: images that have moved are found by their new name") {
  Runs runs;
  const std::string data = runs.directory.file("images");
  std::filesystem::create_directory(data);
  test::write_text(data + "/data_batch_1.bin", std::string(16 * (1 + 3 * 32 * 32), 3));
  Config config = runs.config("run");
  config.data = {.data = data, .reading = {}};
  runs.go(config, 1);
  const std::string moved = runs.directory.file("moved");
  std::filesystem::rename(data, moved);
  CHECK_THROWS_WITH_AS(runs.go(config, 0, config.train.out),
                       doctest::Contains("if the images have moved, --data names the place"),
                       Error);
  config.data.data = moved;
  CHECK(runs.go(config, 1, config.train.out) == RunEnd::stopped);
  CHECK(test::read_text(config.train.out + "/config.toml").find("data = \"" + moved + '"') !=
        std::string::npos);
  CHECK(newest(config).metadata.at("config").find("data = \"" + moved + '"') != std::string::npos);

  config.data = {.data = "shapes10", .limit = 16, .reading = {}};
  CHECK_THROWS_AS(runs.go(config, 0, config.train.out), Error);
}

TEST_CASE("pretrain: init starts a new run from the weights alone") {
  Runs runs;
  const Config first = runs.config("first");
  runs.go(first);
  Config second = runs.config("second");
  second.train.init = first.train.out;
  second.schedule.lr = 1e-9;
  runs.go(second, 1);
  const std::string key = "backbone.conv1.weight";
  const auto from = newest(first).tensors.at(key).values<float>();
  const auto to = newest(second).tensors.at(key).values<float>();
  for (size_t i = 0; i < from.size(); ++i) CHECK(to[i] == doctest::Approx(from[i]).epsilon(1e-5));
  CHECK(newest(second).metadata.at("step") == "1");

  // Nor does the new run see images as the first one did.
  Config smaller = runs.config("smaller");
  smaller.train.init = first.train.out;
  smaller.data.reading.size = 24;
  smaller.data.reading.mean = {0.1, 0.2, 0.3};
  runs.go(smaller, 1);
  INFO(runs.printed);
  CHECK(runs.printed.find("step 8): weights only, learnt on images of 32 x 32") !=
        std::string::npos);
  CHECK(runs.printed.find("this run's are 24 x 24") != std::string::npos);
  CHECK(newest(smaller).metadata.at("size") == "24");
  CHECK(newest(smaller).metadata.at("normalization_mean") == "0.1 0.2 0.3");

  Config wider = runs.config("wider");
  wider.train.init = first.train.out;
  test::set(wider, {{"width", "6"}});
  CHECK_THROWS_AS(runs.go(wider), Error);
  CHECK_FALSE(std::filesystem::exists(wider.train.out));
}

TEST_CASE("pretrain: the plan is printed and nothing is written") {
  Runs runs;
  const Config config = runs.config("run");
  CHECK(runs.go(config, 0, {}, /*dry_run=*/true) == RunEnd::finished);
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
  CHECK(runs.go(config, 2) == RunEnd::stopped);
  CHECK(newest(config).metadata.at("step") == "2");
}

}  // namespace
}  // namespace amcl
