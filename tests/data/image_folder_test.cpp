// Directories of image files: what is found, in which order, with which labels.
#include "data/sources/image_folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "data/hash.h"
#include "data/image_reader.h"
#include "data/sources/good_images.h"
#include "data/sources/open_dataset.h"
#include "data/views/evaluation_batches.h"
#include "data/views/loader.h"
#include "engine/backend/open.h"
#include "engine/backend/plain/plain_backend.h"
#include "tests/data/data_files.h"
#include "tests/data/encode.h"
#include "tests/io/in_child.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

std::string pnm(int value, int height = 2, int width = 3) {
  return concat_text(
      "P6 ", width, ' ', height, " 255 ",
      std::string(static_cast<size_t>(height * width * 3), static_cast<char>(value)));
}

std::vector<std::string> names_of(const Dataset& dataset) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < dataset.count(); ++i) names.push_back(dataset.files->name(i));
  return names;
}

Dataset open(const fs::path& source, Split split = Split::train, const DatasetOptions& options = {},
             int64_t limit = 0) {
  static PlainBackend backend;
  return open_dataset(backend, source.string(), split, limit, 1, options);
}

TEST_CASE("folder: class folders give labels in the order of the bytes of their names") {
  TemporaryDirectory directory;
  write(directory.path() / "dog/2.ppm", pnm(1));
  write(directory.path() / "dog/deep/10.PPM", pnm(2));
  write(directory.path() / "Zebra/x y.ppm", pnm(3));
  write(directory.path() / "cat/1.png", pnm(4));  // what it holds counts, not its name
  write(directory.path() / "cat/notes.txt", "no image");
  const Dataset dataset = open(directory.path());
  CHECK(names_of(dataset) ==
        std::vector<std::string>{"Zebra/x y.ppm", "cat/1.png", "dog/2.ppm", "dog/deep/10.PPM"});
  CHECK(dataset.class_names == std::vector<std::string>{"Zebra", "cat", "dog"});
  CHECK(dataset.labels == std::vector<int32_t>{0, 1, 2, 2});
  CHECK(dataset.layout == "3 class folders");
  CHECK(dataset.view_extent() == ImageExtent{224, 224});
  CHECK(open(directory.path(), Split::train, {.layout = "images"}).labels.empty());
  CHECK(open(directory.path(), Split::train, {}, 2).labels == std::vector<int32_t>{0, 1});
}

TEST_CASE("folder: a part without some class keeps the labels of the training part") {
  TemporaryDirectory directory;
  for (const char* name : {"cat", "dog", "horse"})
    write(directory.path() / "train" / name / "1.ppm", pnm(1));
  write(directory.path() / "val/dog/1.ppm", pnm(2));
  write(directory.path() / "val/horse/1.ppm", pnm(3));
  const Dataset held_out = open(directory.path(), Split::test);
  CHECK(held_out.labels == std::vector<int32_t>{1, 2});
  CHECK(held_out.class_names == std::vector<std::string>{"cat", "dog", "horse"});
  write(directory.path() / "val/zebra/1.ppm", pnm(4));
  CHECK_THROWS_WITH_AS(
      open(directory.path(), Split::test),
      doctest::Contains("zebra: a class that the training images have not (3 classes)"), Error);
}

TEST_CASE("folder: the classes are found by one image of each") {
  TemporaryDirectory directory;
  const fs::path folder = directory.path() / "train";
  write(folder / "b/deep/er/1.ppm", pnm(1));
  write(folder / "b/2.ppm", pnm(1));
  write(folder / "a/notes.txt", "no image");
  write(folder / "c/empty/notes.txt", "no image");
  write(folder / "c/full/1.ppm", pnm(1));
  fs::create_directories(folder / "d");
  fs::create_directory_symlink(folder, folder / "d/loop");
  for (const FolderLabels labels : {FolderLabels::recognised, FolderLabels::by_folder}) {
    CHECK(list_classes(folder, labels) == std::vector<std::string>{"b", "c"});
    CHECK(list_classes(folder, labels) == list_folder(folder, labels).class_names);
  }
  CHECK(list_classes(folder, FolderLabels::none).empty());
  write(folder / "1.ppm", pnm(1));
  CHECK(list_classes(folder, FolderLabels::recognised).empty());
  CHECK_THROWS_AS(list_classes(folder, FolderLabels::by_folder), Error);
}

TEST_CASE("folder: photographs need no class folders") {
  TemporaryDirectory flat;
  write(flat.path() / "b.ppm", pnm(1));
  write(flat.path() / "a.ppm", pnm(2));
  write(flat.path() / "more/c.ppm", pnm(2));
  CHECK(names_of(open(flat.path())) == std::vector<std::string>{"a.ppm", "b.ppm", "more/c.ppm"});
  CHECK_FALSE(open(flat.path()).labelled());
  TemporaryDirectory single;
  write(single.path() / "photos/2021/a.ppm", pnm(1));
  write(single.path() / "photos/2022/b.ppm", pnm(1));
  CHECK_FALSE(open(single.path()).labelled());
  const Outcome mixed = opening_of(flat.path().string(), Split::train, {.layout = "classes"});
  CHECK(mixed.kind == ErrorKind::data);
  CHECK(mixed.message == flat.path().string() +
                             ": a.ppm lies in no class folder; move it into one, or use --layout "
                             "images");
}

TEST_CASE("folder: names with spaces, newlines and bytes that are no UTF-8") {
  TemporaryDirectory directory;
  const std::vector<std::string> names = {"a b.ppm", "a\nb.ppm", "a\xff.ppm", "\xc3\xa4.ppm"};
  for (const std::string& name : names) write(directory.path() / name, pnm(1));
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  const Dataset dataset = open(directory.path());
  CHECK(names_of(dataset) == sorted);
  CHECK(check_images(*dataset.files, 0, dataset.count()).back().error.empty());
}

TEST_CASE("folder: links are followed, loops are not") {
  TemporaryDirectory directory;
  TemporaryDirectory elsewhere;
  write(elsewhere.path() / "1.ppm", pnm(1));
  write(directory.path() / "a/2.ppm", pnm(2));
  fs::create_directory_symlink(elsewhere.path(), directory.path() / "b");
  fs::create_directory_symlink(directory.path(), directory.path() / "a/loop");
  fs::create_directory_symlink("self", directory.path() / "self");
  CHECK(names_of(open(directory.path())) == std::vector<std::string>{"a/2.ppm", "b/1.ppm"});
}

TEST_CASE("folder: train and val folders, or a fraction held back by the hash of names") {
  TemporaryDirectory divided;
  write(divided.path() / "train/a/1.ppm", pnm(1));
  write(divided.path() / "train/b/2.ppm", pnm(1));
  write(divided.path() / "val/a/3.ppm", pnm(1));
  write(divided.path() / "val/b/4.ppm", pnm(1));
  CHECK(names_of(open(divided.path())) == std::vector<std::string>{"a/1.ppm", "b/2.ppm"});
  CHECK(names_of(open(divided.path(), Split::test)) ==
        std::vector<std::string>{"a/3.ppm", "b/4.ppm"});

  TemporaryDirectory whole;
  for (int i = 0; i < 60; ++i) write(whole.path() / concat_text(i, ".ppm"), pnm(i));
  const auto train = names_of(open(whole.path(), Split::train, {.val_fraction = 0.3}));
  const auto test = names_of(open(whole.path(), Split::test, {.val_fraction = 0.3}));
  CHECK(train.size() + test.size() == 60);
  CHECK(test.size() > 8);
  CHECK(test.size() < 30);
  for (const std::string& name : test) {
    CHECK(uniform_hash(name) < 0.3);
    CHECK(std::find(train.begin(), train.end(), name) == train.end());
  }
  const Outcome none = opening_of(whole.path().string(), Split::test);
  CHECK(none.kind == ErrorKind::missing);
  CHECK(none.message == whole.path().string() +
                            ": no test images: make folders train and val, or hold some back with "
                            "--val-fraction 0.1");
}

TEST_CASE("folder: an empty one and an unreadable one") {
  TemporaryDirectory directory;
  write(directory.path() / "a/readme.md", "text");
  const Outcome empty = opening_of(directory.path().string());
  CHECK(empty.kind == ErrorKind::missing);
  CHECK(empty.message ==
        directory.path().string() +
            ": holds no image in itself or its folders (passed over 1 file: 1 text); looked for "
            "JPEG, PNG, BMP and PNM files, and for the files of CIFAR, STL-10 and MNIST");
  fs::permissions(directory.path(), fs::perms::all);
  fs::permissions(directory.path() / "a", fs::perms::none);
  CHECK(test::holds_in_child([&] {
    return test::become_nobody() && opening_of(directory.path().string()).kind == ErrorKind::io;
  }));
  fs::permissions(directory.path() / "a", fs::perms::owner_all);
}

TEST_CASE("list: paths relative to it, with labels after a tab") {
  TemporaryDirectory directory;
  write(directory.path() / "images/a b.ppm", pnm(1));
  write(directory.path() / "c.ppm", pnm(1));
  const fs::path list = directory.path() / "list.txt";
  write(list, concat_text("c.ppm\t3\r\nimages/a b.ppm\t0\n\n",
                          (directory.path() / "c.ppm").string(), "\t1\n"));
  const Dataset dataset = open(list);
  CHECK(dataset.labels == std::vector<int32_t>{3, 0, 1});
  CHECK(dataset.layout == "list with labels");
  for (const ImageCheck& check : check_images(*dataset.files, 0, dataset.count()))
    CHECK(check.error.empty());

  const auto message = [&](const std::string& text) {
    write(list, text);
    return opening_of(list.string()).message;
  };
  CHECK(message("c.ppm\t-1\n") ==
        list.string() + ", line 1: label '-1' is no whole number from 0 to 999999");
  CHECK(message("c.ppm\t99999999999\n") ==
        list.string() + ", line 1: label '99999999999' is no whole number from 0 to 999999");
  CHECK(message("c.ppm\t999999\nc.ppm\t1000000\n") ==
        list.string() + ", line 2: label '1000000' is no whole number from 0 to 999999");
  CHECK(message("c.ppm\t1\nc.ppm\n") ==
        list.string() +
            ", line 2: has no label, unlike the lines before; a tab comes between path and label");
  CHECK(message("1.ppm\n2\nc.ppm\n3.JPG\n4.ppm\n5.ppm\n6\n") ==
        list.string() +
            ": 6 of 7 files are not there: 1.ppm, 2, 3.JPG, 4.ppm, 5.ppm, ...; paths are relative "
            "to the list's "
            "directory");
  CHECK(
      message(std::string("\xff\xd8\0", 3)) ==
      list.string() +
          ": is neither a packed set nor a list of images (line 1 is no text); give the directory "
          "that holds the images");
  CHECK(message("# A title\n\nSome text\twith a tab\nand c.ppm in it.\nc.ppm\n") ==
        list.string() +
            ": is not a list of images: 3 of its 4 lines are neither a file nor end as an image "
            "does (.jpg, .png and so on)");
  CHECK(message("\n") == list.string() + ": lists no image");
  for (const char* mark : {"\xff\xfe", "\xfe\xff"})
    CHECK(message(mark + std::string("c\0.\0p\0p\0m\0\n\0", 12)) ==
          list.string() + ": is text in UTF-16; save it as UTF-8");
  fs::remove(list);
  REQUIRE(mkfifo(list.c_str(), 0600) == 0);  // reading it would wait for ever
  CHECK(opening_of(list.string()).message == list.string() + " is a device, not a file");
}

TEST_CASE("list: a byte-order mark and the line ends of any system are no part of a name") {
  TemporaryDirectory directory;
  write(directory.path() / "a.ppm", "P6 1 1 255 abc");
  write(directory.path() / "b.ppm", "P6 1 1 255 abc");
  const fs::path list = directory.path() / "list.txt";
  for (const char* end : {"\n", "\r\n"}) {
    write(list, std::string("\xef\xbb\xbf") + "a.ppm" + end + "b.ppm" + end);
    CHECK(read_image_list(list).names == std::vector<std::string>{"a.ppm", "b.ppm"});
  }
}

std::vector<float> batches(Backend& backend, const Dataset& dataset, int64_t workers, int64_t first,
                           int64_t count) {
  Loader loader(backend, dataset, {}, {.batch = 4, .workers = workers, .seed = 3});
  loader.start(first / 3, first % 3);
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    const std::vector<float> batch = loader.next().images.to_host<float>();
    values.insert(values.end(), batch.begin(), batch.end());
  }
  return values;
}

TEST_CASE("files: the views do not depend on the number of workers or on where a run begins") {
  TemporaryDirectory directory;
  write_photographs(directory.path(), true);
  const auto backend = open_backend("cpu");
  const auto opened = [&] {
    return open_dataset(*backend, directory.path().string(), Split::train, 0, 1,
                        {.size = 16, .skip_bad_images = true});
  };
  const Dataset dataset = opened();
  const std::vector<float> expected = batches(*backend, dataset, 0, 0, 6);
  CHECK(dataset.bad_images->count() == 2);
  CHECK(batches(*backend, opened(), 1, 0, 6) == expected);
  CHECK(batches(*backend, opened(), 3, 0, 6) == expected);
  const auto half = expected.begin() + static_cast<ptrdiff_t>(expected.size() / 2);
  CHECK(batches(*backend, opened(), 2, 3, 3) == std::vector<float>(half, expected.end()));
}

TEST_CASE("files: a view is what augmentation makes of the whole image") {
  TemporaryDirectory directory;
  write_photographs(directory.path(), false);
  const auto backend = open_backend("cpu");
  const Dataset dataset =
      open_dataset(*backend, directory.path().string(), Split::train, 0, 1, {.size = 16});
  const AugmentPolicy policy;
  Loader loader(*backend, dataset, policy, {.batch = 7, .workers = 1, .seed = 3});
  const Batch batch = loader.next();
  for (const int64_t row : {0, 6, 7, 11}) {
    const int64_t sample = batch.samples[static_cast<size_t>(row % 7)];
    ImageReader reader(*backend, dataset);
    REQUIRE(reader.read(sample, whole_image));
    ViewParameters view = policy.draw(3, 0, sample, static_cast<uint32_t>(row / 7),
                                      reader.box().height, reader.box().width);
    view.image = 0;
    Tensor expected = Tensor::empty(*backend, {1, 16, 16, 3}, DType::f32);
    backend->augment(reader.pixels(), {&view, 1}, dataset.normalization, expected);
    CHECK(batch.images.slice(row, row + 1).to_host<float>() == expected.to_host<float>());
  }
}

TEST_CASE("files: a bad image stops, or is skipped up to a limit") {
  TemporaryDirectory directory;
  write_photographs(directory.path(), true);
  const auto backend = open_backend("cpu");
  const auto run = [&](const DatasetOptions& options) -> std::string {
    const Dataset dataset =
        open_dataset(*backend, directory.path().string(), Split::train, 0, 1, options);
    try {
      batches(*backend, dataset, 2, 0, 6);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::data);
      return error.what();
    }
    const std::vector<std::string> messages = dataset.bad_images->take_messages();
    CHECK(messages.size() == 2);
    CHECK(dataset.bad_images->take_messages().empty());
    return messages.empty() ? std::string() : messages.front();
  };
  const std::string stopped = run({.size = 16});
  CHECK(stopped.find(".jpg: is a damaged JPEG image (") != std::string::npos);
  CHECK(stopped.find("; --on-error skip goes on without such images") != std::string::npos);
  CHECK(run({.size = 16, .skip_bad_images = true}).find("skipped (1 of at most 100): ") == 0);
  CHECK(run({.size = 16, .skip_bad_images = true, .error_limit = 1})
            .find("2 images cannot be read, more than --error-limit 1 allows; the last one: ") ==
        0);

  Dataset dataset = open_dataset(*backend, directory.path().string(), Split::train, 0, 1,
                                 {.skip_bad_images = true});
  keep_good_images(dataset);
  CHECK(dataset.count() == 12);
  CHECK(dataset.files->name(4) == "g.jpg");
}

TEST_CASE("files: evaluation sees the centre of the resized image") {
  TemporaryDirectory directory;
  // Gray rises by one per column, so that a pixel tells where it comes from.
  std::string image = "P5 256 128 255 ";
  for (int y = 0; y < 128; ++y)
    for (int x = 0; x < 256; ++x) image += static_cast<char>(x);
  write(directory.path() / "ramp.pgm", image);
  const auto backend = open_backend("cpu");
  const Dataset dataset =
      open_dataset(*backend, directory.path().string(), Split::train, 0, 1, {.size = 112});
  const Tensor pixels = evaluation_pixels(*backend, dataset, 0, 1);
  REQUIRE(pixels.shape() == Shape{1, 112, 112, 3});
  const auto values = pixels.to_host<uint8_t>();
  CHECK(values[0] == 72);  // 128 x 256 is the size after resizing: (256 - 112) / 2
  CHECK(values[111 * 3] == 183);
  const std::vector<float> batch = evaluation_batch(*backend, dataset, 0, 1).to_host<float>();
  CHECK(batch[0] == doctest::Approx((72.0 / 255.0 - dataset.normalization.mean[0]) /
                                    dataset.normalization.deviation[0]));
}

TEST_CASE("files: mean and deviation are measured, or what is asked for") {
  const TemporaryDirectory directory;
  write(directory.path() / "a.png", encode_png({0, 51, 255, 102, 51, 255}, 1, 2));
  PlainBackend backend;
  const auto normalization = [&](const DatasetOptions& options) {
    return open_dataset(backend, directory.path().string(), Split::train, 0, 1, options)
        .normalization;
  };
  using Three = std::array<float, 3>;
  const ImageNormalization measured = normalization({});
  CHECK(measured.mean == Three{0.2f, 0.2f, 1.0f});
  CHECK(measured.deviation[0] == 0.2f);
  const Three asked = {0.5f, 0.25f, 0.125f};
  const std::array<double, 3> given = {0.5, 0.25, 0.125};
  CHECK(normalization({.mean = given}).mean == asked);
  CHECK(normalization({.mean = given}).deviation == measured.deviation);
  CHECK(normalization({.deviation = given}).mean == measured.mean);
  CHECK(normalization({.mean = given, .deviation = given}).deviation == asked);
}

TEST_CASE("files: the fingerprint tells sets apart, wherever they lie") {
  TemporaryDirectory directory;
  write(directory.path() / "one/a.ppm", pnm(1));
  write(directory.path() / "two/a.ppm", pnm(1));
  write(directory.path() / "three/a.ppm", pnm(2));
  write(directory.path() / "four/b.ppm", pnm(1));
  const auto fingerprint = [&](const char* folder) {
    return open(directory.path() / folder).fingerprint();
  };
  CHECK(fingerprint("one") == fingerprint("two"));
  CHECK(fingerprint("one") != fingerprint("three"));
  CHECK(fingerprint("one") != fingerprint("four"));
}

}  // namespace
}  // namespace amcl
