// Small IDX files, plain and compressed, whole and damaged.
#include "data/sources/idx.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include "data/sources/open_dataset.h"
#include "engine/backend/plain/plain_backend.h"
#include "tests/data/data_files.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

std::string number(uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

// `count` images of 2 x 3 pixels: 0, 1, 2, ...
std::string images(uint32_t count) {
  std::string bytes = number(2051) + number(count) + number(2) + number(3);
  for (uint32_t i = 0; i < count * 6; ++i) bytes += static_cast<char>(i);
  return bytes;
}

std::string labels(const std::string& values) {
  return number(2049) + number(static_cast<uint32_t>(values.size())) + values;
}

void write_compressed(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  const gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  CHECK(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) ==
        static_cast<int>(bytes.size()));
  gzclose(file);
}

void check_content(const fs::path& directory) {
  PlainBackend backend;
  const Dataset train = open_dataset(backend, directory.string(), Split::train, 0, 1);
  CHECK(train.name == "IDX");
  REQUIRE(train.images.shape() == Shape{4, 2, 3, 3});
  const auto pixels = train.images.to_host<uint8_t>();
  for (size_t i = 0; i < pixels.size(); ++i) CHECK(pixels[i] == i / 3);
  CHECK(train.labels == std::vector<int32_t>{5, 0, 9, 61});
  CHECK(train.normalization.mean[1] == doctest::Approx(11.5 / 255.0));
  CHECK(open_dataset(backend, directory.string(), Split::train, 2, 1).labels ==
        std::vector<int32_t>{5, 0});
}

TEST_CASE("idx: gray images become RGB, in every place and under every name") {
  const std::string given = labels({5, 0, 9, 61});
  TemporaryDirectory plain;
  write(plain.path() / "train-images-idx3-ubyte", images(4));
  write(plain.path() / "train-labels-idx1-ubyte", given);
  check_content(plain.path());
  TemporaryDirectory compressed;
  write_compressed(compressed.path() / "FashionMNIST/raw/train-images-idx3-ubyte.gz", images(4));
  write_compressed(compressed.path() / "FashionMNIST/raw/train-labels-idx1-ubyte.gz", given);
  check_content(compressed.path());
  TemporaryDirectory dotted;
  write(dotted.path() / "raw/train-images.idx3-ubyte", images(4));
  write(dotted.path() / "raw/train-labels.idx1-ubyte", given);
  check_content(dotted.path());
}

TEST_CASE("idx: headers are not believed beyond the file") {
  TemporaryDirectory directory;
  const fs::path file = directory.path() / "t10k-images-idx3-ubyte";
  const auto message = [&](const std::string& bytes) {
    write(file, bytes);
    const Outcome outcome = opening_of(directory.path().string(), Split::test);
    CHECK(outcome.kind == ErrorKind::data);
    REQUIRE(outcome.message.starts_with(file.string()));
    return outcome.message.substr(file.string().size());
  };
  CHECK(message(images(3).substr(0, 30)) == ": ends 4 bytes early; fetch the file again");
  CHECK(message(images(3) + "x") == ": holds more than its header says; it is damaged");
  CHECK(message(number(2049) + images(3).substr(4)) ==
        ": begins with 2049 instead of 2051; it is damaged or no IDX file of this kind");
  CHECK(message(number(2051) + number(4000000000) + number(28) + number(28)) ==
        ": its header promises 3136000000000 bytes, which the file cannot hold; it is cut short or "
        "damaged");
  CHECK(message(number(2051) + number(1) + number(30000) + number(30000)) ==
        ": 1 images of 30000 x 30000; needs at least one, with sides of 1 to 4096");
  CHECK(message("") == ": ends 4 bytes early; fetch the file again");
  const Outcome missing = opening_of(directory.path().string(), Split::train);
  CHECK(missing.kind == ErrorKind::missing);
  CHECK(missing.message == directory.path().string() +
                               ": holds IDX files but no training images; put "
                               "train-images-idx3-ubyte there");
}

TEST_CASE("idx: a compressed file cannot unpack to more than any published set") {
  TemporaryDirectory directory;
  const fs::path file = directory.path() / "train-images-idx3-ubyte.gz";
  // A header that the file bears out, were it whole: 3 MB of zeros, compressed, would be 3 GB.
  write_compressed(file, number(2051) + number(3'000'000) + number(32) + number(32) + "\1");
  fs::resize_file(file, 3 << 20);
  const Outcome outcome = opening_of(directory.path().string());
  CHECK(outcome.kind == ErrorKind::data);
  CHECK(outcome.message ==
        file.string() +
            ": unpacks to 3072000000 bytes, more than the 2147483648 that are unpacked on the way; "
            "unpack it with gunzip if you trust it");
}

TEST_CASE("idx: a cut or changed archive and foreign labels are refused") {
  TemporaryDirectory directory;
  const fs::path file = directory.path() / "train-images-idx3-ubyte.gz";
  write_compressed(file, images(200));
  const std::string whole = bytes_of(file);
  write(file, whole.substr(0, whole.size() / 2));
  const Outcome cut = opening_of(directory.path().string());
  CHECK(cut.kind == ErrorKind::data);
  CHECK(cut.message.find(file.string()) == 0);
  std::string changed = whole;
  changed[whole.size() - 6] = static_cast<char>(changed[whole.size() - 6] ^ 1);  // of the checksum
  write(file, changed);
  const Outcome checksum = opening_of(directory.path().string());
  CHECK(checksum.kind == ErrorKind::data);
  CHECK(checksum.message.find("is damaged or cut short") != std::string::npos);

  write(file, whole);
  write(directory.path() / "train-labels-idx1-ubyte", labels("\1\2"));
  CHECK(opening_of(directory.path().string()).message ==
        (directory.path() / "train-labels-idx1-ubyte").string() +
            ": 2 labels for 200 images; the two files are not of one set");
}

TEST_CASE("dataset: a layout that is asked for is the only one tried") {
  TemporaryDirectory directory;
  write(directory.path() / "train-images-idx3-ubyte", images(4));
  CHECK(opening_of(directory.path().string(), Split::train, {.layout = "idx"}).message ==
        "no error");
  const Outcome other = opening_of(directory.path().string(), Split::train, {.layout = "stl10"});
  CHECK(other.kind == ErrorKind::missing);
  CHECK(other.message == directory.path().string() +
                             ": holds no data set of the layout stl10; looked for train_X.bin, "
                             "test_X.bin or unlabeled_X.bin (STL-10)");
}

}  // namespace
}  // namespace amcl
