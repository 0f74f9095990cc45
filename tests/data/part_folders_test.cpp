// Folders that are parts of a set, and those that are classes.
#include "data/sources/part_folders.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/sources/open_dataset.h"
#include "engine/backend/plain/plain_backend.h"
#include "tests/data/data_files.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

using Names = std::vector<std::string>;

const std::string kPnm = "P6 1 1 255 \1\2\3";

Dataset open(const fs::path& source, Split split = Split::train,
             const DatasetOptions& options = {}) {
  static PlainBackend backend;
  return open_dataset(backend, source.string(), split, 0, 1, options);
}

void write_classes(const fs::path& folder, const Names& classes) {
  for (const std::string& name : classes) write(folder / name / "1.ppm", kPnm);
}

TEST_CASE("parts: train beside the usual names of test images, in any letter case") {
  const std::pair<const char*, const char*> pairs[] = {
      {"train", "val"},        {"train", "valid"}, {"train", "validation"}, {"train", "dev"},
      {"train", "test"},       {"Train", "Test"},  {"TRAIN", "VAL"},        {"Training", "Testing"},
      {"training", "testing"}, {"train", "Valid"}};
  for (const auto& [train, test] : pairs) {
    INFO(train, " ", test);
    TemporaryDirectory directory;
    write_classes(directory.path() / train, {"cat", "dog"});
    write_classes(directory.path() / test, {"dog", "cat"});
    write(directory.path() / test / "dog/2.ppm", kPnm);
    CHECK(open(directory.path()).class_names == Names{"cat", "dog"});
    CHECK(open(directory.path()).count() == 2);
    CHECK(open(directory.path(), Split::test).labels == std::vector<int32_t>{0, 1, 1});
    // One tenth of the training images, not of all.
    CHECK(open(directory.path(), Split::train, {.val_fraction = 1e-9}).count() == 2);
  }
}

TEST_CASE("parts: the validation images go before the test images; the rest is said to be unused") {
  TemporaryDirectory directory;
  for (const char* part : {"train", "valid", "test", "TRAIN"})
    write(directory.path() / part / (std::string(part) + ".ppm"), kPnm);
  CHECK(open(directory.path()).files->name(0) == "train.ppm");
  const Dataset test = open(directory.path(), Split::test);
  CHECK(test.files->name(0) == "valid.ppm");
  CHECK(test.passed_over.text() == "passed over the folder TRAIN, test");
}

TEST_CASE("parts: a part beside an unknown folder is refused with both readings") {
  TemporaryDirectory directory;
  write_classes(directory.path(), {"bus", "train"});
  const Outcome refused = opening_of(directory.path().string());
  CHECK(refused.kind == ErrorKind::data);
  CHECK(refused.message ==
        directory.path().string() +
            ": the folder train may be a class, as may bus, or a part of the set. For classes give "
            "--layout classes; for the part give --data " +
            (directory.path() / "train").string() +
            ", or have train beside one of val, valid, validation, dev, test, testing");
  CHECK(open(directory.path(), Split::train, {.layout = "classes"}).class_names ==
        Names{"bus", "train"});
  CHECK_FALSE(open(directory.path(), Split::train, {.layout = "images"}).labelled());
  CHECK(open(directory.path() / "train").count() == 1);
  TemporaryDirectory tests_only;
  write_classes(tests_only.path(), {"test", "val"});
  CHECK(opening_of(tests_only.path().string()).message.find("the folder test may be a class") !=
        std::string::npos);
}

TEST_CASE("parts: what was no class and no part before stays so") {
  TemporaryDirectory alone;  // as a run that was started with it knows it
  write_classes(alone.path() / "train", {"cat", "dog"});
  write(alone.path() / "notes/labels.txt", "text");
  CHECK(open(alone.path()).files->name(0) == "train/cat/1.ppm");
  CHECK_FALSE(open(alone.path()).labelled());
  TemporaryDirectory classes;
  write_classes(classes.path(), {"dev", "bus", "test"});
  CHECK(open(classes.path()).class_names == Names{"bus", "dev", "test"});
}

TEST_CASE("parts: labels of the test images come from the names of the training classes") {
  TemporaryDirectory directory;
  write_classes(directory.path() / "train", {"cat", "dog", "horse"});
  write_classes(directory.path() / "val", {"horse"});
  const Dataset one = open(directory.path(), Split::test);
  CHECK(one.labels == std::vector<int32_t>{2});
  CHECK(one.class_names == Names{"cat", "dog", "horse"});
  CHECK(one.layout == "1 class folders");
  // A single folder of another name holds no class: val/images of Tiny ImageNet.
  fs::rename(directory.path() / "val/horse", directory.path() / "val/images");
  CHECK_FALSE(open(directory.path(), Split::test).labelled());
  // Of several, none may be unknown.
  write_classes(directory.path() / "val", {"dog"});
  const Outcome unknown = opening_of(directory.path().string(), Split::test);
  CHECK(unknown.kind == ErrorKind::data);
  CHECK(unknown.message == (directory.path() / "val/images").string() +
                               ": a class that the training images have not (3 classes); give it "
                               "training images, or take it away");
}

}  // namespace
}  // namespace amcl
