// Whatever numbers stand in the settings of a checkpoint and of its run's config.toml: the run is
// evaluated, goes on, or is refused as damaged by the path, and no more memory is taken than its
// tensors and data can need.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>

#include "engine/core/host_memory.h"
#include "tests/support/compute_threads.h"
#include "tests/train/evaluation_fixture.h"
#include "train/config/known_setting.h"
#include "train/config/stored_config.h"
#include "train/run/training_run.h"

namespace amcl {
namespace {

constexpr int64_t kMostBytes = int64_t{400} << 20;  // more than resident at the start

constexpr const char* kHostileNumbers[] = {
    "0", "-1", "100", "2147483648", "1000000000000000000", "1e-300", "1e300", "nan"};

// Settings that are a number or several.
bool is_numeric(const KnownSetting& known) {
  return !known.is_switch() && (!known.is_text || known.setting.number_too);
}

// The text with another value of the setting, which it gets if it has none.
std::string with_value(const std::string& text, const Setting& setting, const std::string& value) {
  const std::string key = setting.key;
  const std::string line = key + " = " + value + "\n";
  const std::string table = concat_text('[', setting.table, "]\n");
  const size_t begin = text.find(table) + table.size();
  const size_t end = std::min(text.find("\n[", begin), text.size());
  const size_t found = text.find('\n' + key + " = ", begin - 1);
  if (found >= end) return text.substr(0, begin) + line + text.substr(begin);
  return text.substr(0, found + 1) + line + text.substr(text.find('\n', found + 1) + 1);
}

class StoredSettings : public test::EvaluationFixture {
 protected:
  // Into the checkpoint, with a CRC that fits, and the configuration.
  void store(const std::string& settings) {
    SafetensorsFile file = checkpoint_;
    file.metadata["config"] = settings;
    save(file);
    test::write_text(directory_.file("config.toml"), settings);
  }
  void check_evaluation() const {
    EvaluationOptions all = options();
    all.random_init = true;  // reads the data and builds the model
    check([&] { evaluate(all, *backend_); });
  }
  void check_resumption() const {
    const std::string path = directory_.file("config.toml");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(std::tmpfile(), std::fclose);
    check([&] {
      run_training(stored_config(test::read_text(path), path),
                   {.resume = directory_.path(),
                    .progress = {},
                    .notes = output.get(),
                    .results = output.get()},
                   [] { return true; });
    });
  }

  SafetensorsFile checkpoint_ = [this] {
    trainer_.step();
    return trainer_.checkpoint();
  }();
  int64_t before_ = resident_bytes();

 private:
  template <class Work>
  void check(const Work& work) const {
    try {
      work();
    } catch (const Error& error) {
      const std::string message = error.what();
      INFO(message);
      // A run of fewer epochs than it has had is finished, a loss of an absurd rate is not finite,
      // and a share may leave no image: the numbers are followed, not broken.
      const bool followed = message.find("is finished") != std::string::npos ||
                            error.kind() == ErrorKind::numeric ||
                            message.find("--val-fraction") != std::string::npos;
      CHECK((followed || error.kind() == ErrorKind::data));
      CHECK((followed || message.find(directory_.path()) != std::string::npos));
    }
    CHECK(resident_bytes() - before_ < kMostBytes);
  }
};

TEST_CASE_FIXTURE(StoredSettings,
                  "stored settings: no number crashes, takes the memory or is believed") {
  const test::ComputeThreads threads(1);
  const std::string good = checkpoint_.metadata.at("config");
  for (const KnownSetting& known : known_settings()) {
    const std::string key = known.setting.key;
    if (!is_numeric(known) || key == "threads") continue;
    CAPTURE(key);
    for (const char* number : kHostileNumbers) {
      CAPTURE(number);
      store(with_value(good, known.setting, number));
      check_evaluation();
      check_resumption();
    }
  }
}

TEST_CASE_FIXTURE(StoredSettings, "stored settings: a model larger than its tensors is not built") {
  const std::string good = checkpoint_.metadata.at("config");
  const auto message_of = [&](const std::string& key, const std::string& value) {
    store(with_value(good, find_setting(key)->setting, value));
    try {
      evaluate(options(), *backend_);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::data);
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message_of("width", "4").empty());
  for (const char* key : {"heads", "head_layers", "head_hidden", "head_dim", "phi_hidden"}) {
    CAPTURE(key);
    for (const char* number : {"17", "1000000", "1000000000"})
      CHECK(message_of(key, number).find("does not fit its settings, which have ") !=
            std::string::npos);
  }
  CHECK(message_of("head_hidden", "100000000")
            .find("projector.0.0.weight [100000000, 32]: it is [16, 32]") != std::string::npos);
  CHECK(message_of("width", "5").find("its settings say resnet18 of width 5") != std::string::npos);
}

TEST_CASE_FIXTURE(StoredSettings, "stored settings: text that no configuration needs is refused") {
  std::string dotted = "a";
  for (int i = 0; i < 250000; ++i) dotted += ".a";
  store(dotted + " = 1\n");
  CHECK_THROWS_WITH_AS(evaluate(options(), *backend_), doctest::Contains("more than the 256 KiB"),
                       Error);
  store(dotted.substr(0, 200000) + " = 1\n");
  CHECK_THROWS_WITH_AS(evaluate(options(), *backend_), doctest::Contains("dotted parts"), Error);
}

}  // namespace
}  // namespace amcl
