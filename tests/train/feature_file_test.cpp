// Files of features, to the byte.
#include "train/encoder/feature_file.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <vector>

#include "engine/core/check.h"
#include "engine/io/safetensors.h"
#include "tests/io/scratch_directory.h"

namespace amcl {
namespace {

const std::vector<float> kRows = {1.0F, -2.5F, 3.25F, 0.1F, 1e-20F, 65504.0F};

std::string made(const test::ScratchDirectory& directory, const std::string& name,
                 const FeatureLayout& layout, const std::vector<float>& rows) {
  const std::string path = directory.file(name);
  FeatureFile file(path, layout, {}, false);
  file.write(rows);
  file.finish([] {});
  CHECK_FALSE(std::filesystem::exists(path + ".partial"));
  CHECK_FALSE(std::filesystem::exists(path + ".job"));
  return test::read_text(path);
}

template <class T>
std::vector<T> numbers(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST_CASE("feature file: NumPy's format, with data that begin at a multiple of 64") {
  const test::ScratchDirectory directory;
  const std::string text = made(directory, "a.npy", {.rows = 3, .width = 2}, kRows);
  CHECK(text.starts_with(std::string("\x93NUMPY\x01\x00", 8)));
  const size_t header = 10 + static_cast<uint8_t>(text[8]) + 256 * static_cast<uint8_t>(text[9]);
  CHECK(header % 64 == 0);
  CHECK(text[header - 1] == '\n');
  CHECK(text.find("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }") == 10);
  CHECK(numbers<float>(text.substr(header)) == kRows);
}

TEST_CASE("feature file: safetensors that its reader takes, and text that reads back to the bit") {
  const test::ScratchDirectory directory;
  made(directory, "a.safetensors", {.format = FeatureFormat::safetensors, .rows = 3, .width = 2},
       kRows);
  const SafetensorsFile file = read_safetensors(directory.file("a.safetensors"));
  CHECK(file.tensors.at("features").shape == std::vector<int64_t>{3, 2});
  CHECK(file.tensors.at("features").values<float>() == kRows);
  const std::string text =
      made(directory, "a.csv", {.format = FeatureFormat::csv, .rows = 2, .width = 3}, kRows);
  CHECK(text == "1,-2.5,3.25\n0.100000001,9.99999968e-21,65504\n");
}

TEST_CASE("feature file: halves are rounded to the nearest, ties to even") {
  const float tiny = std::ldexp(1.0F, -24);
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<std::pair<float, uint16_t>> table = {
      {1.0F, 0x3c00},
      {-2.5F, 0xc100},
      {-0.0F, 0x8000},
      {65504.0F, 0x7bff},
      {65519.0F, 0x7bff},
      {65520.0F, 0x7c00},
      {-infinity, 0xfc00},
      {1.0F + std::ldexp(1.0F, -11), 0x3c00},  // a tie
      {1.0F + std::ldexp(3.0F, -11), 0x3c02},  // a tie
      {1.0F + std::ldexp(1.0F, -11) + std::ldexp(1.0F, -20), 0x3c01},
      {2.0F - std::ldexp(1.0F, -12), 0x4000},  // carries into the exponent
      {std::ldexp(1.0F, -14), 0x0400},
      {std::ldexp(1.0F, -14) - tiny, 0x03ff},
      {std::ldexp(1.0F, -14) - 0.25F * tiny, 0x0400},
      {tiny, 0x0001},
      {0.5F * tiny, 0x0000},  // a tie
      {0.75F * tiny, 0x0001},
      {1.5F * tiny, 0x0002},  // a tie
      {1e-20F, 0x0000}};
  std::vector<float> values;
  for (const auto& [value, bits] : table) values.push_back(value);
  const test::ScratchDirectory directory;
  const std::string text =
      made(directory, "a.npy", {.half = true, .rows = std::ssize(values), .width = 1}, values);
  const std::vector<uint16_t> halves =
      numbers<uint16_t>(text.substr(text.size() - 2 * values.size()));
  for (size_t i = 0; i < table.size(); ++i) {
    CAPTURE(values[i]);
    CHECK(halves[i] == table[i].second);
  }
}

TEST_CASE("feature file: cut anywhere, it goes on to the same bytes") {
  const test::ScratchDirectory directory;
  for (const FeatureFormat format :
       {FeatureFormat::npy, FeatureFormat::safetensors, FeatureFormat::csv}) {
    const FeatureLayout layout{.format = format, .rows = 3, .width = 2};
    const std::string whole = made(directory, "whole", layout, kRows);
    const std::string path = directory.file("cut");
    for (size_t bytes = 0; bytes <= whole.size(); ++bytes) {
      CAPTURE(bytes);
      test::write_text(path + ".job", to_text({}));
      test::write_text(path + ".partial", whole.substr(0, bytes));
      FeatureFile file(path, layout, {}, /*resume=*/true);
      const auto kept = static_cast<std::ptrdiff_t>(file.written_rows() * layout.width);
      REQUIRE(kept <= std::ssize(kRows));
      if (bytes == whole.size()) CHECK(kept == std::ssize(kRows));
      file.write(std::vector<float>(kRows.begin() + kept, kRows.end()));
      file.finish([] {});
      REQUIRE(test::read_text(path) == whole);
    }
  }
}

TEST_CASE("feature file: goes on after whole batches, so that the same ones are made") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.npy");
  const FeatureLayout layout{.rows = 5, .width = 2, .at_once = 2};
  { FeatureFile(path, layout, {}, false).write(std::vector<float>(6)); }
  CHECK(FeatureFile(path, layout, {}, true).written_rows() == 2);
  { FeatureFile(path, layout, {}, true).write(std::vector<float>(6)); }
  CHECK(FeatureFile(path, layout, {}, true).written_rows() == 5);
}

TEST_CASE(
    "feature file: goes on with its own record only, names what differs, and else begins anew") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.npy");
  const FeatureLayout layout{.rows = 3, .width = 2};
  FeatureRecord record{.encoder = "e", .encoder_weights = "12345678", .data = "d", .images = "3x"};
  CHECK_THROWS_WITH_AS(FeatureFile(path, layout, record, true),
                       doctest::Contains("--resume: there is nothing to go on with"), Error);
  { FeatureFile(path, layout, record, false).write(std::vector<float>(4)); }
  FeatureRecord moved = record;
  moved.encoder = "another place";
  moved.data = "too";
  CHECK(FeatureFile(path, layout, moved, true).written_rows() == 2);
  const auto refused = [&](const std::string& named,
                           const std::function<void(FeatureRecord&)>& change) {
    FeatureRecord other = record;
    change(other);
    CHECK_THROWS_WITH_AS(FeatureFile(path, layout, other, true), doctest::Contains(named.c_str()),
                         Error);
  };
  refused("encoder_weights was 12345678, is 0",
          [](FeatureRecord& r) { r.encoder_weights = std::string("0"); });
  refused("images was 3x, is 4x", [](FeatureRecord& r) { r.images = std::string("4x"); });
  refused("layer was backbone, is projection",
          [](FeatureRecord& r) { r.layer = std::string("projection"); });
  refused("head was 0, is 1", [](FeatureRecord& r) { r.head = 1; });
  refused("views was 0, is 4", [](FeatureRecord& r) { r.views = 4; });
  refused("seed was 1, is 2", [](FeatureRecord& r) { r.seed = 2; });
  refused("normalize was false, is true", [](FeatureRecord& r) { r.normalize = true; });
  refused("dtype was f32, is f16", [](FeatureRecord& r) { r.dtype = std::string("f16"); });
  refused("precision was f32, is bf16",
          [](FeatureRecord& r) { r.precision = std::string("bf16"); });
  refused("resize was 0, is 32", [](FeatureRecord& r) { r.seen.resize = 32; });
  refused("deviation", [](FeatureRecord& r) { r.seen.normalization.deviation[1] = 0.5F; });
  refused("augmentation", [](FeatureRecord& r) { r.augmentation = std::string("flip 0"); });
  CHECK(FeatureFile(path, layout, record, true).written_rows() == 2);
  CHECK(FeatureFile(path, layout, {}, false).written_rows() == 0);
}

TEST_CASE(
    "feature file: its record lies beside it and reads back, and a file of before goes first") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.npy");
  test::write_text(path, "of before");
  FeatureRecord record{.encoder = "e", .images = "3x", .views = 2, .seed = 1ULL << 63};
  record.seen = {
      .view = {20, 30}, .resize = 37, .interpolation = Interpolation::bicubic, .normalization = {}};
  record.seen.normalization.mean = {0.1F, 0.2F, 0.3F};
  {
    FeatureFile file(path, {.rows = 3, .width = 2}, record, false);
    file.write(kRows);
    CHECK(test::read_text(path) == "of before");
    const auto full = [&] {
      CHECK_FALSE(std::filesystem::exists(path));
      fail(ErrorKind::io, "no space");
    };
    CHECK_THROWS_AS(file.finish(full), Error);
  }
  FeatureFile file(path, {.rows = 3, .width = 2}, record, true);
  CHECK(file.written_rows() == 3);
  file.finish([] {});
  CHECK(to_text(read_feature_record(path)) == to_text(record));
  CHECK(differences(read_feature_record(path), record).empty());
  test::write_text(path + ".json", "{\"encoder\": 1}");
  CHECK_THROWS_WITH_AS(read_feature_record(path), doctest::Contains("a.npy.json: is no record"),
                       Error);
}

}  // namespace
}  // namespace amcl
