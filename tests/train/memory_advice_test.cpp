#include "train/run/memory_advice.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "engine/backend/open.h"
#include "tests/support/compute_threads.h"
#include "tests/train/tiny_training.h"
#include "train/run/plan.h"

namespace amcl {
namespace {

TEST_CASE("memory advice: the largest choice on or below the line") {
  const MemoryLine line = MemoryLine::through(64, 1640, 16, 1160);
  CHECK(line.at_zero == 1000.0);
  CHECK(line.per_pair == 10.0);
  const std::vector<int64_t> choices = {2, 4, 8, 16, 32, 64};
  CHECK(line.largest_of(choices, 1640.0) == 64);
  CHECK(line.largest_of(choices, 1639.0) == 32);
  CHECK(line.largest_of(choices, 1100.0) == 8);
  CHECK(line.largest_of(choices, 1020.0) == 2);
  CHECK(line.largest_of(choices, 1019.0) == 0);
  CHECK(line.largest_of({}, 1e9) == 0);
  CHECK(MemoryLine::through(8, 100, 8, 100).largest_of(choices, 99.0) == 0);
}

// The number after `flag` in a text.
std::optional<int64_t> number_after(const std::string& text, const std::string& flag) {
  const size_t found = text.find(flag + ' ');
  if (found == std::string::npos) return std::nullopt;
  return std::stoll(text.substr(found + flag.size() + 1));
}

Config large_config() {
  return test::tiny_config(
      {{"width", "8"}, {"batch", "160"}, {"eval_every", "0"}, {"workers", "0"}});
}

// The batch that is advised fits by the plan's own account, and one a half larger does not.
TEST_CASE("memory advice: the batch fills the room") {
  const test::ComputeThreads threads(2);
  const Config config = large_config();
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, config.train.batch, 16);
  const auto bytes = [&](int64_t batch, int64_t micro_batch) {
    Config smaller = config;
    smaller.train.batch = batch;
    smaller.train.micro_batch = micro_batch;
    return make_plan(*backend, dataset, smaller).run_bytes();
  };
  const int64_t room = bytes(90, 0);
  const std::string advice = memory_advice(*backend, dataset, config, nullptr, room);
  INFO(advice);
  const std::optional<int64_t> batch = number_after(advice, "at most --batch");
  REQUIRE(batch);
  CHECK(bytes(*batch, 0) <= room);
  CHECK(bytes(*batch * 3 / 2, 0) > room);
  const std::optional<int64_t> part = number_after(advice, "with --micro-batch");
  REQUIRE(part);
  CHECK(config.train.batch % *part == 0);
  CHECK(bytes(config.train.batch, *part) <= room);
}

TEST_CASE("memory advice: parts with statistics of their own stay whole") {
  const test::ComputeThreads threads(2);
  Config config = large_config();
  test::set(config, {{"bn_splits", "4"}});
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, config.train.batch, 16);
  Config fits = config;
  fits.train.batch = 92;
  const int64_t room = make_plan(*backend, dataset, fits).run_bytes();
  const std::string advice = memory_advice(*backend, dataset, config, nullptr, room);
  INFO(advice);
  CHECK(number_after(advice, "at most --batch").value_or(1) % 4 == 0);
  CHECK(number_after(advice, "with --micro-batch").value_or(1) % 4 == 0);
}

TEST_CASE("memory advice: of micro-batches a smaller one, and else a narrower network") {
  const test::ComputeThreads threads(2);
  Config config = large_config();
  config.train.micro_batch = 80;
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, config.train.batch, 16);
  Config fits = config;
  fits.train.micro_batch = 32;
  const int64_t room = 13 * make_plan(*backend, dataset, fits).run_bytes() / 10;
  const std::string advice = memory_advice(*backend, dataset, config, nullptr, room);
  INFO(advice);
  CHECK(number_after(advice, "at most --micro-batch").value_or(0) >= 20);
  CHECK(number_after(advice, "at most --micro-batch").value_or(80) <= 40);
  CHECK(memory_advice(*backend, dataset, config, nullptr, 1 << 20) ==
        "no smaller batch fits either; a smaller --width or --size needs less");
}

}  // namespace
}  // namespace amcl
