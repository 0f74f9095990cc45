#include "train/checkpoint/intact_checkpoint.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "engine/core/check.h"
#include "tests/io/scratch_directory.h"
#include "tests/train/small_run.h"
#include "train/checkpoint/run_directory.h"
#include "train/config/config_toml.h"

namespace amcl {
namespace {

// A run directory with checkpoints of steps 4 and 8.
class IntactCheckpointTest {
 protected:
  IntactCheckpointTest() {
    RunDirectory run = RunDirectory::create(path_, false);
    TrainerState state;
    state.config = to_toml(test::small_config());
    for (const int64_t step : {4, 8}) {
      state.step = step;
      run.write_checkpoint(small_.checkpoint(state), 2);
    }
  }
  // One byte, where the header ends or in the last tensor.
  static void damage(const std::string& path, bool header) {
    std::string content = test::read_text(path);
    content[header ? 0 : content.size() - 5] ^= 0x40;
    test::write_text(path, content);
  }
  Checkpoint read() {
    warnings_.clear();
    return read_intact_checkpoint(path_,
                                  [&](const std::string& text) { warnings_.push_back(text); });
  }

  test::ScratchDirectory parent_;
  std::string path_ = parent_.file("run");
  std::string newest_ = path_ + "/checkpoint.safetensors";
  std::string previous_ = path_ + "/checkpoint-step-4.safetensors";
  test::SmallRun small_;
  std::vector<std::string> warnings_;
};

TEST_CASE_FIXTURE(IntactCheckpointTest, "intact checkpoint: the newest one where it is intact") {
  CHECK(read().state.step == 8);
  CHECK(warnings_.empty());
  std::filesystem::remove(newest_);
  CHECK(read().state.step == 4);
  CHECK(warnings_.empty());
}

TEST_CASE_FIXTURE(IntactCheckpointTest,
                  "intact checkpoint: the one before a damaged one, with a warning") {
  damage(newest_, false);
  const Checkpoint found = read();
  CHECK(found.state.step == 4);
  CHECK(found.path == previous_);
  REQUIRE(warnings_.size() == 1);
  INFO(warnings_[0]);
  CHECK(warnings_[0].find(newest_ + " is damaged: its CRC-32C") == 0);
  CHECK(
      warnings_[0].find(previous_ + " takes its place, at step 4 instead of 8: 4 steps are lost") !=
      std::string::npos);

  damage(newest_, true);  // then nobody knows its step
  CHECK(read().state.step == 4);
  REQUIRE(warnings_.size() == 1);
  INFO(warnings_[0]);
  CHECK(warnings_[0].ends_with(previous_ + " takes its place, at step 4"));
}

TEST_CASE_FIXTURE(IntactCheckpointTest, "intact checkpoint: none, and one that was named") {
  damage(newest_, false);
  CHECK_THROWS_WITH_AS(read_intact_checkpoint(newest_, {}), doctest::Contains("is damaged"), Error);
  damage(previous_, false);
  CHECK_THROWS_WITH_AS(read(), doctest::Contains("no checkpoint of the run is intact"), Error);
  std::filesystem::remove(newest_);
  std::filesystem::remove(previous_);
  CHECK_THROWS_WITH_AS(read(), doctest::Contains("holds no checkpoint"), Error);
  CHECK_THROWS_WITH_AS(read_intact_checkpoint(newest_, {}),
                       doctest::Contains("no run directory or checkpoint"), Error);
}

}  // namespace
}  // namespace amcl
