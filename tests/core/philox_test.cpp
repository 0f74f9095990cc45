#include "engine/core/philox.h"

#include <doctest/doctest.h>

#include <set>
#include <vector>

namespace amcl {
namespace {

void check_block(const Philox4& got, const Philox4& want) {
  for (int i = 0; i < 4; ++i) CHECK(got.value[i] == want.value[i]);
}

// Known answers of Random123 (kat_vectors, philox4x32-10).
TEST_CASE("philox: known answers") {
  check_block(philox4x32(0, {{0, 0, 0, 0}}), {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  check_block(philox4x32(~uint64_t{0}, {{~0u, ~0u, ~0u, ~0u}}),
              {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  check_block(philox4x32(0x299f31d0a4093822, {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}),
              {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

std::vector<uint32_t> draw(RandomStream stream, int count = 9) {
  std::vector<uint32_t> result;
  for (int i = 0; i < count; ++i) result.push_back(stream.bits());
  return result;
}

TEST_CASE("random stream: the same identity gives the same numbers") {
  CHECK(draw({7, RandomPurpose::sampler, 1, 2, 0}) == draw({7, RandomPurpose::sampler, 1, 2, 0}));
}

TEST_CASE("random stream: each part of the identity makes another stream") {
  const auto all = [] {
    std::vector<std::vector<uint32_t>> streams;
    for (const uint64_t seed : {1, 2})
      for (const RandomPurpose purpose : {RandomPurpose::sampler, RandomPurpose::augmentation})
        for (const uint32_t epoch : {0u, 1u})
          for (const uint64_t sample : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32})
            for (const uint32_t view : {0u, 1u, 2u})
              streams.push_back(draw({seed, purpose, epoch, sample, view}));
    return streams;
  }();
  std::set<uint32_t> numbers;
  size_t drawn = 0;
  for (const auto& stream : all) {
    numbers.insert(stream.begin(), stream.end());
    drawn += stream.size();
  }
  // 648 numbers of 32 bits: a collision by chance has odds of 1 to 20,000.
  CHECK(numbers.size() == drawn);
}

TEST_CASE("random stream: uniform numbers fill [0, 1) evenly") {
  RandomStream stream(3, RandomPurpose::probe, 0, 0, 0);
  std::vector<int> bins(10, 0);
  for (int i = 0; i < 20000; ++i) {
    const float value = stream.uniform();
    REQUIRE(value >= 0.0f);
    REQUIRE(value < 1.0f);
    ++bins[static_cast<size_t>(value * 10.0f)];
  }
  // 2000 expected with deviation 42.
  for (const int count : bins) CHECK(std::abs(count - 2000) < 200);
}

TEST_CASE("random stream: below reaches every number and no other") {
  RandomStream stream(4, RandomPurpose::probe, 0, 0, 0);
  std::vector<int> seen(7, 0);
  for (int i = 0; i < 7000; ++i) ++seen.at(stream.below(7));
  for (const int count : seen) CHECK(std::abs(count - 1000) < 150);
  CHECK(stream.below(1) == 0);
}

TEST_CASE("random stream: normal numbers have mean 0, variance 1 and no heavy tail") {
  RandomStream stream(5, RandomPurpose::probe, 0, 0, 0);
  double sum = 0.0;
  double squares = 0.0;
  double fourths = 0.0;
  const int count = 40000;
  for (int i = 0; i < count; ++i) {
    const double value = stream.normal();
    sum += value;
    squares += value * value;
    fourths += value * value * value * value;
  }
  CHECK(std::abs(sum / count) < 0.025);           // deviation 0.005
  CHECK(std::abs(squares / count - 1.0) < 0.04);  // 0.007
  CHECK(std::abs(fourths / count - 3.0) < 0.3);   // 0.05
}

}  // namespace
}  // namespace amcl
