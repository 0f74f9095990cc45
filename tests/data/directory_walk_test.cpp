// Which files of a directory are images, and what is passed over.
#include "data/sources/directory_walk.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "data/sources/image_folder.h"
#include "tests/data/data_files.h"
#include "tests/data/encode.h"
#include "tests/io/in_child.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

using Names = std::vector<std::string>;

const std::string kPnm = "P6 1 1 255 \1\2\3";

std::string jpeg() {
  return encode_jpeg(picture(8, 8, 3, 1), 8, 8, {});
}

int64_t count_of(const FoundImages& found, FileKind kind) {
  return found.passed_over.files[static_cast<size_t>(kind)];
}

TEST_CASE("walk: where the ending decides nothing, the content does") {
  TemporaryDirectory directory;
  for (const char* name : {"a.JPE", "b.jfif", "c", "d.img", "e.2021"})
    write(directory.path() / name, jpeg());
  write(directory.path() / "f", kPnm);
  write(directory.path() / "g.raw", std::string("BM\x1a\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0", 18));
  write(directory.path() / "LICENSE", "BMW and others\n");
  write(directory.path() / "README", "P6 is a format of images.\n");
  write(directory.path() / "scan", std::string("II*\0\10\0\0\0", 8));
  write(directory.path() / "scan.tiff", "");
  write(directory.path() / "film", std::string("\0\0\0\x18"
                                               "ftypmp42\0",
                                               13));
  write(directory.path() / "nothing", "");
  write(directory.path() / "noise", std::string("\1\2\3", 3));
  REQUIRE(mkfifo((directory.path() / "pipe").c_str(), 0600) ==
          0);  // reading it would wait for ever
  fs::create_symlink("nowhere", directory.path() / "broken");
  const FoundImages found = find_images(directory.path());
  CHECK(found.names == Names{"a.JPE", "b.jfif", "c", "d.img", "e.2021", "f", "g.raw"});
  CHECK(count_of(found, FileKind::text) == 2);
  CHECK(count_of(found, FileKind::tiff) == 2);
  CHECK(count_of(found, FileKind::heif) == 1);
  CHECK(count_of(found, FileKind::empty) == 1);
  CHECK(count_of(found, FileKind::other) == 1);
  CHECK(count_of(found, FileKind::unreadable) == 2);
}

// Files that nobody may open are told by their names alone.
TEST_CASE("walk: files with known endings are not opened") {
  TemporaryDirectory directory;
  for (const char* name : {"a.jpg", "b.PNG", "c.txt", "d.json", "e.webp", "f.npy", "g"}) {
    write(directory.path() / name, "");
    fs::permissions(directory.path() / name, fs::perms::none);
  }
  fs::permissions(directory.path(), fs::perms::all);
  CHECK(test::holds_in_child([&] {
    if (!test::become_nobody()) return false;
    const FoundImages found = find_images(directory.path());
    return found.names == Names{"a.jpg", "b.PNG"} && count_of(found, FileKind::text) == 2 &&
           count_of(found, FileKind::webp) == 1 && count_of(found, FileKind::other) == 1 &&
           count_of(found, FileKind::unreadable) == 1;
  }));
}

TEST_CASE("walk: hidden and system entries are neither images nor classes") {
  TemporaryDirectory directory;
  for (const char* name :
       {"cat/1.jpg", "cat/._1.jpg", "dog/2.jpg", "dog/Thumbs.db", "dog/.DS_Store",
        "dog/desktop.ini", "__MACOSX/cat/._1.jpg", "@eaDir/x.jpg", "$RECYCLE.BIN/y.jpg",
        ".git/z.jpg", "System Volume Information/w.jpg", "lost+found/1/v.jpg"})
    write(directory.path() / name, kPnm);
  fs::permissions(directory.path() / "lost+found", fs::perms::none);
  const ListedImages images = list_folder(directory.path(), FolderLabels::recognised);
  CHECK(images.names == Names{"cat/1.jpg", "dog/2.jpg"});
  CHECK(images.class_names == Names{"cat", "dog"});
  CHECK(images.passed_over.text() == "passed over 10 hidden or system entries");
  CHECK(images.passed_over.warning("x", 2).empty());
  CHECK(list_classes(directory.path(), FolderLabels::recognised) == images.class_names);
  fs::permissions(directory.path() / "lost+found", fs::perms::owner_all);
}

TEST_CASE("walk: a fan of links ends, and each folder is visited once") {
  TemporaryDirectory directory;
  constexpr int kLevels = 12;
  constexpr int kLinks = 10;  // 10^12 paths
  for (int level = 0; level < kLevels; ++level) {
    const fs::path here = directory.path() / concat_text(level);
    write(here / "image.ppm", kPnm);
    for (int link = 0; link < kLinks && level + 1 < kLevels; ++link)
      fs::create_directory_symlink(directory.path() / concat_text(level + 1),
                                   here / concat_text("link", link));
  }
  const FoundImages found = find_images(directory.path());
  CHECK(found.names.size() == kLevels);
  for (const std::string& name : found.names) CHECK(name.find("link") == std::string::npos);
  CHECK(found.passed_over.links == (kLevels - 1) * kLinks);
  CHECK(found.passed_over.text() == "passed over 110 links to folders seen before");
  // From inside, where only links lead to the others.
  const FoundImages first = find_images(directory.path() / "0");
  CHECK(first.names.size() == kLevels);
  CHECK(first.names[1] == "link0/image.ppm");
}

TEST_CASE("walk: the shallowest link has the images, however the system lists them") {
  TemporaryDirectory directory;
  TemporaryDirectory elsewhere;
  write(elsewhere.path() / "dogs/1.ppm", kPnm);
  write(directory.path() / "cat/2.ppm", kPnm);
  write(directory.path() / "horse/note.txt", "");
  fs::create_directory_symlink(elsewhere.path() / "dogs", directory.path() / "cat/others");
  fs::create_directory_symlink(elsewhere.path() / "dogs", directory.path() / "dog");
  fs::create_directory_symlink(elsewhere.path(), directory.path() / "horse/all");
  CHECK(find_images(directory.path()).names == Names{"cat/2.ppm", "dog/1.ppm"});
  CHECK(find_image_folders(directory.path()) == Names{"cat", "dog"});
}

TEST_CASE("walk: what is passed over is counted by kind, and much of it is a warning") {
  TemporaryDirectory directory;
  for (int i = 0; i < 20; ++i) write(directory.path() / concat_text(i, ".ppm"), kPnm);
  for (const char* name : {"a.tif", "b.TIFF", "c.tif", "d.tif", "e.txt", "f.csv", "g.md", "h.xml"})
    write(directory.path() / name, "");
  const ListedImages images = list_folder(directory.path(), FolderLabels::recognised);
  const auto count = std::ssize(images.names);
  CHECK(count == 20);
  CHECK(images.passed_over.text() == "passed over 8 files: 4 TIFF (not supported), 4 text");
  CHECK(images.passed_over.warning("photos", count) ==
        "photos: 8 of 28 files are passed over: 4 TIFF (not supported), 4 text");
  CHECK(images.passed_over.warning("photos", 72).empty());  // a tenth
  CHECK_FALSE(images.passed_over.warning("photos", 71).empty());
  CHECK(PassedOver().text().empty());
}

}  // namespace
}  // namespace amcl
