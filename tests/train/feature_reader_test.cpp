// Files of features are read back, ours and those of NumPy.
#include "train/encoder/feature_reader.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/core/check.h"
#include "tests/io/scratch_directory.h"

namespace amcl {
namespace {

std::vector<float> all_rows(FeatureReader& reader) {
  std::vector<float> values(static_cast<size_t>(reader.rows() * reader.width()));
  CHECK(reader.read(values) == reader.rows());
  return values;
}

void write(const std::string& path, const FeatureLayout& layout, const std::vector<float>& rows) {
  FeatureFile file(path, layout, {}, false);
  file.write(rows);
  file.finish([] {});
}

TEST_CASE("feature reader: every format and type gives back what was written, from any row on") {
  const test::ScratchDirectory directory;
  const std::vector<float> rows = {1.0F,  -2.5F,  3.25F, 0.5F,
                                   1024., 65504., 0.25F, std::numeric_limits<float>::quiet_NaN()};
  for (const FeatureFormat format :
       {FeatureFormat::npy, FeatureFormat::safetensors, FeatureFormat::csv})
    for (const bool half : {false, true}) {
      if (half && format == FeatureFormat::csv) continue;
      const std::string path = directory.file("any name");
      write(path, {.format = format, .half = half, .rows = 4, .width = 2}, rows);
      FeatureReader reader(path);
      REQUIRE(reader.rows() == 4);
      REQUIRE(reader.width() == 2);
      const std::vector<float> found = all_rows(reader);
      for (size_t i = 0; i + 1 < rows.size(); ++i) CHECK(found[i] == rows[i]);
      CHECK(std::isnan(found.back()));
      std::vector<float> two(5);
      CHECK(reader.read(two) == 0);
      reader.seek(1);
      CHECK(reader.read(two) == 2);
      CHECK(two[0] == 3.25F);
      CHECK(two[3] == 65504.0F);
      CHECK(reader.read(two) == 1);
      CHECK(two[0] == 0.25F);
    }
}

TEST_CASE("feature reader: text longer than what is read at a time") {
  const test::ScratchDirectory directory;
  std::string text;
  for (int i = 0; i < 200000; ++i) text += std::to_string(i) + ", -1e-3\r\n";
  test::write_text(directory.file("long.csv"), text);
  FeatureReader reader(directory.file("long.csv"));
  REQUIRE(reader.rows() == 200000);
  const std::vector<float> rows = all_rows(reader);
  for (size_t i = 0; i < 200000; ++i) {
    REQUIRE(rows[2 * i] == static_cast<float>(i));
    REQUIRE(rows[2 * i + 1] == -1e-3F);
  }
}

TEST_CASE("feature reader: what is no file of features is refused by name") {
  const test::ScratchDirectory directory;
  const auto refused = [&](const std::string& text, const char* reason) {
    CAPTURE(text.substr(0, 60));
    const std::string path = directory.file("f");
    test::write_text(path, text);
    const auto read = [&] {
      FeatureReader reader(path);
      std::vector<float> values(static_cast<size_t>(reader.rows() * reader.width()));
      reader.read(values);
    };
    CHECK_THROWS_WITH_AS(read(), doctest::Contains(reason), Error);
  };
  const auto npy = [](const std::string& dictionary, size_t bytes) {
    std::string text("\x93NUMPY\x01\x00", 8);
    text += static_cast<char>(dictionary.size());
    return text + '\0' + dictionary + std::string(bytes, '\0');
  };
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n";
  {
    test::write_text(directory.file("good"), npy(good, 24));
    CHECK(FeatureReader(directory.file("good")).rows() == 3);
  }
  refused(npy(good, 23), "should hold 3 rows and holds 2");
  refused(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", 48), "type '<f8'");
  refused(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }", 24),
          "fortran_order True");
  refused(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 24), "[n, d]");
  refused(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 4), }", 96), "[n, d]");
  refused(npy(good, 24).substr(0, 30), "cut short");
  refused("", "no rows");
  refused("1,2\n3\n", "line 2 is not 2 numbers");
  refused("1,2\n3,4,5\n", "line 2 is not 2 numbers");
  refused("a,b\n1,2\n", "line 1 is not 2 numbers");
  CHECK_THROWS_WITH_AS(FeatureReader(directory.file("none")), doctest::Contains("none"), Error);
}

}  // namespace
}  // namespace amcl
