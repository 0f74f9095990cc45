// Damaged files of the data sets, lists and folders (tests/data/fuzz.h).
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <set>

#include "data/decode/gzip_file.h"
#include "data/sources/directory_walk.h"
#include "data/sources/open_dataset.h"
#include "engine/backend/plain/plain_backend.h"
#include "tests/data/archives.h"
#include "tests/data/data_files.h"
#include "tests/data/encode.h"
#include "tests/data/fuzz.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

using Files = std::map<std::string, std::string>;  // name to content

std::string number(uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

std::string some_bytes(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes += static_cast<char>(i * 7 % 251);
  return bytes;
}

// Opens a source as training does, and looks at what came out.
void open_and_check(const std::string& source, int64_t limit) {
  PlainBackend backend;
  const Dataset dataset = open_dataset(backend, source, Split::train, limit, 1);
  CHECK(dataset.count() > 0);
  if (limit > 0) CHECK(dataset.count() <= limit);
  if (dataset.labelled()) CHECK(std::ssize(dataset.labels) == dataset.count());
  if (!dataset.class_names.empty())
    for (const int32_t label : dataset.labels)
      CHECK((label >= 0 && label < std::ssize(dataset.class_names)));
  CHECK(!dataset.fingerprint().empty());
}

// Changes one file of a set at a time.
void fuzz_set(const Files& files) {
  const TemporaryDirectory directory;
  for (const auto& [name, content] : files) write(directory.path() / name, content);
  const auto read = [&](RandomStream& random) {
    auto file = files.begin();
    std::advance(file, random.below(static_cast<uint32_t>(files.size())));
    const fs::path path = directory.path() / file->first;
    write(path, mutated(random, file->second));
    try {
      open_and_check(directory.path().string(), random.below(3));
    } catch (const Error&) {
      write(path, file->second);
      throw;
    }
    write(path, file->second);
  };
  fuzz(read, {ErrorKind::data});
}

TEST_CASE("fuzz: IDX") {
  const std::string images = number(2051) + number(5) + number(2) + number(3) + some_bytes(30);
  const std::string labels = number(2049) + number(5) + std::string("\0\1\2\1\0", 5);
  fuzz_set({{"train-images-idx3-ubyte", images}, {"train-labels-idx1-ubyte", labels}});
}

TEST_CASE("fuzz: compressed IDX") {
  const std::string images = number(2051) + number(5) + number(2) + number(3) + some_bytes(30);
  const std::string labels = number(2049) + number(5) + std::string("\0\1\2\1\0", 5);
  fuzz_set({{"train-images-idx3-ubyte.gz", gzipped(images)},
            {"train-labels-idx1-ubyte.gz", gzipped(labels)}});
}

TEST_CASE("fuzz: gzip") {
  const TemporaryDirectory directory;
  const std::string path = (directory.path() / "file.gz").string();
  const std::vector<std::string> seeds = {gzipped(some_bytes(300)),
                                          gzipped(some_bytes(20)) + gzipped("a second one"),
                                          gzipped(std::string(5000, 'a')), "not compressed"};
  fuzz_content(seeds, [&](const std::string& file, RandomStream& random) {
    write(path, file);
    GzipFile reader(path);
    int64_t count = 0;
    std::vector<uint8_t> bytes(1 + random.below(100));
    while (!reader.at_end()) {  // which reads a byte
      ++count;
      if (random.below(4) != 0) continue;
      reader.read(bytes);
      count += std::ssize(bytes);
    }
    CHECK(count <= reader.most_bytes());
  });
}

TEST_CASE("fuzz: STL-10") {
  std::string names;
  for (int i = 0; i < 10; ++i) names += "class" + std::to_string(i) + '\n';
  fuzz_set({{"train_X.bin", some_bytes(2 * 3 * 96 * 96)},
            {"train_y.bin", "\1\12"},
            {"class_names.txt", names}});
}

TEST_CASE("fuzz: CIFAR-10") {
  std::string names;
  for (int i = 0; i < 10; ++i) names += "class" + std::to_string(i) + '\n';
  const std::string image = some_bytes(3072);
  fuzz_set({{"data_batch_1.bin", '\3' + image + '\0' + image},
            {"data_batch_2.bin", '\11' + image},
            {"batches.meta.txt", names}});
}

TEST_CASE("fuzz: CIFAR-100") {
  std::string names;
  for (int i = 0; i < 100; ++i) names += "class" + std::to_string(i) + '\n';
  fuzz_set({{"train.bin", std::string("\7\143", 2) + some_bytes(3072)},
            {"fine_label_names.txt", names}});
}

TEST_CASE("fuzz: list") {
  const TemporaryDirectory directory;
  const std::string image = encode_png({1, 2, 3}, 1, 1);
  // Names of one letter: a changed list often names another image.
  for (char letter = 'a'; letter <= 'z'; ++letter)
    write(directory.path() / std::string(1, letter), image);
  const fs::path list = directory.path() / "list.txt";
  const std::string seeds[] = {"a\t0\nb\t1\nc\t1\n", "a\nb\r\n\nc", "a\t2147483647\nb\t0"};
  const auto read = [&](RandomStream& random) {
    write(list, mutated(random, seeds[random.below(3)]));
    open_and_check(list.string(), random.below(3));
  };
  fuzz(read, {ErrorKind::data, ErrorKind::missing});
}

// A name that a file system takes, made from `seed`.
std::string mutated_name(RandomStream& random, const std::string& seed) {
  std::string name = mutated(random, seed).substr(0, 100);
  std::erase_if(name, [](char c) { return c == '\0' || c == '/'; });
  return name.empty() || name == "." || name == ".." ? seed : name;
}

TEST_CASE("fuzz: class folders") {
  const std::string image = encode_png({1, 2, 3}, 1, 1);
  const std::string seeds[] = {"cat", " a name ", "two\nlines", ".hidden", "\xff\xfe", "a.png"};
  const auto read = [&](RandomStream& random) {
    const TemporaryDirectory directory;
    std::set<std::string> folders;
    const char* ending = random.below(4) == 0 ? ".txt" : ".png";
    for (uint32_t i = 0; i <= 1 + random.below(4); ++i) {
      const std::string folder = mutated_name(random, seeds[random.below(6)]);
      const std::string name = mutated_name(random, "image") + ending;
      write(directory.path() / folder / name, image);
      if (!is_hidden(folder) && !is_hidden(name)) folders.insert(folder);
    }
    PlainBackend backend;
    const Dataset dataset =
        open_dataset(backend, directory.path().string(), Split::train, 0, 1, {.layout = "classes"});
    CHECK(dataset.class_names == std::vector(folders.begin(), folders.end()));
    CHECK(std::ssize(dataset.labels) == dataset.count());
  };
  fuzz(read, {ErrorKind::missing});
}

}  // namespace
}  // namespace amcl
