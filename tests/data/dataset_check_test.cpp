// What data info and data verify find in a set.
#include "data/sources/dataset_check.h"

#include <doctest/doctest.h>

#include "data/hash.h"
#include "engine/backend/open.h"
#include "tests/data/data_files.h"
#include "tests/data/packed_files.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

DatasetVerification verify(const fs::path& source) {
  return verify_dataset(*open_backend("cpu"), source.string(), {}, [](Split, int64_t, int64_t) {});
}

DatasetSummary describe(const fs::path& source) {
  return describe_dataset(*open_backend("cpu"), source.string(), {});
}

void write_parts(const fs::path& directory) {
  write(directory / "train/a/1.ppm", "P6 2 1 255 abcdef");
  write(directory / "train/a/2.pgm", "P5 3 2 255 abcdef");
  write(directory / "train/b/copy.ppm", "P6 # the same pixels\n2 1 255 abcdef");
  write(directory / "train/b/turned.ppm", "P6 1 2 255 abcdef");
  write(directory / "val/a/leak.ppm", "P6 2 1 255 abcdef");
  write(directory / "val/b/bad.ppm", "P6 2 1 255 abc");
}

TEST_CASE("verify: damaged images, sizes, labels and copies in all parts") {
  TemporaryDirectory directory;
  write_parts(directory.path());
  const DatasetVerification found = verify(directory.path());
  REQUIRE(found.summary.parts.size() == 2);
  const PartSummary& train = found.summary.parts[0];
  CHECK(train.images == 4);
  CHECK(train.extents.least == ImageExtent{1, 1});
  CHECK(train.extents.most == ImageExtent{2, 3});
  CHECK(train.labels == std::map<int32_t, int64_t>{{0, 2}, {1, 2}});
  CHECK(train.damaged.empty());
  const PartSummary& test = found.summary.parts[1];
  CHECK(test.split == Split::test);
  REQUIRE(test.damaged.size() == 1);
  CHECK(test.damaged[0].error == (directory.path() / "val/b/bad.ppm").string() +
                                     ": is a damaged PNM image (it ends 3 bytes too early)");
  CHECK(found.damaged() == 1);
  REQUIRE(found.duplicates.size() == 2);
  CHECK(found.duplicates[0].image == "b/copy.ppm");
  CHECK(found.duplicates[0].earlier == "a/1.ppm");
  CHECK(found.duplicates[1].image == "a/leak.ppm");
  CHECK(found.duplicates[1].split == Split::test);
  CHECK(found.duplicates[1].earlier_split == Split::train);
}

TEST_CASE("verify: sets in memory and packed sets") {
  TemporaryDirectory directory;
  std::string batch(3 * 3073, '\1');
  batch[3073 + 5] = '\2';
  write(directory.path() / "cifar/data_batch_1.bin", batch);
  for (const fs::path& source : {directory.path() / "cifar", directory.path() / "packed"}) {
    if (!fs::exists(source)) pack(directory.path() / "cifar", source);
    const DatasetVerification found = verify(source);
    CHECK(found.damaged() == 0);
    REQUIRE(found.duplicates.size() == 1);
    CHECK(found.duplicates[0].image == "2");
    CHECK(found.duplicates[0].earlier == "0");
  }
  std::string packed = bytes_of(directory.path() / "packed");
  packed[300] ^= 1;
  write(directory.path() / "packed", packed);
  const DatasetVerification found = verify(directory.path() / "packed");
  REQUIRE(found.damaged() == 1);
  CHECK(found.summary.parts[0].damaged[0].error.find("image 0 (0): is damaged (CRC-32C)") !=
        std::string::npos);
}

TEST_CASE("info: extents of a sample of files, of all images of a packed set") {
  TemporaryDirectory directory;
  for (int i = 0; i < 300; ++i)
    write(directory.path() / "set" / concat_text(100 + i, ".ppm"), "P6 2 1 255 abcdef");
  write(directory.path() / "set/101.ppm", "P6 1 3 255 abcdefghi");  // not in the sample
  const DatasetSummary files = describe(directory.path() / "set");
  CHECK(files.layout == "images without labels");
  REQUIRE(files.parts.size() == 1);
  CHECK(files.parts[0].images == 300);
  CHECK(files.parts[0].extents.images == 150);
  CHECK(files.parts[0].extents.most == ImageExtent{1, 2});
  CHECK(files.parts[0].labels.empty());
  pack(directory.path() / "set", directory.path() / "packed");
  const DatasetSummary packed = describe(directory.path() / "packed");
  CHECK(packed.parts[0].extents.images == 300);
  CHECK(packed.parts[0].extents.most == ImageExtent{3, 2});
  CHECK(packed.parts[0].normalization.mean == files.parts[0].normalization.mean);
}

TEST_CASE("verify: the hash of pixels tells small differences") {
  std::vector<uint8_t> pixels(24, 7);
  const uint64_t hash = hash_of_pixels(pixels, 2);
  CHECK(hash_of_pixels(pixels, 4) != hash);
  CHECK(hash_of_pixels(std::span(pixels).first(18), 2) != hash);
  for (const size_t first : {0u, 7u, 23u})
    for (const size_t second : {7u, 15u, 23u}) {
      std::vector<uint8_t> changed = pixels;
      changed[first] ^= 0x80;
      if (second != first) changed[second] ^= 0x80;
      CHECK(hash_of_pixels(changed, 2) != hash);
    }
}

}  // namespace
}  // namespace amcl
