#include "engine/io/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/core/check.h"
#include "tests/io/in_child.h"
#include "tests/io/scratch_directory.h"

namespace amcl {
namespace {

using test::read_text;
using test::write_text;

// The message of the error that writing gives, with its kind checked; empty if there is none.
std::string io_error_of_writing(const std::string& path, const std::string& text) {
  try {
    write_file_atomically(path, text);
  } catch (const Error& error) {
    return error.kind() == ErrorKind::io ? error.what() : "another kind of error";
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("atomic file: replaces the content and leaves nothing beside it") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.txt");
  write_file_atomically(path, "one");
  write_file_atomically(path, "two");
  CHECK(read_text(path) == "two");
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_CASE("atomic file: without commit the old content stays and the sibling goes") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.txt");
  write_text(path, "old");
  {
    AtomicFile file(path);
    file.write(std::as_bytes(std::span(std::string_view("new"))));
    CHECK(std::filesystem::exists(path + ".tmp"));
  }
  CHECK(read_text(path) == "old");
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_CASE("atomic file: what a killed writer left is discarded") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.txt");
  write_text(path + ".tmp", "half of something that was much longer");
  write_file_atomically(path, "whole");
  CHECK(read_text(path) == "whole");
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_CASE("atomic file: two writers of one file do not mix") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.txt");
  AtomicFile first(path);
  CHECK(contains(io_error_of_writing(path, "second"), "another process is writing it"));
  first.write(std::as_bytes(std::span(std::string_view("first"))));
  first.commit();
  CHECK(read_text(path) == "first");
}

TEST_CASE("atomic file: a symbolic link in the sibling's place is not written through") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.txt");
  write_text(directory.file("victim"), "precious");
  std::filesystem::create_symlink(directory.file("victim"), path + ".tmp");
  CHECK(contains(io_error_of_writing(path, "x"), path + ".tmp: Too many levels of symbolic links"));
  CHECK(read_text(directory.file("victim")) == "precious");
}

TEST_CASE("atomic file: another file in the sibling's place is left alone") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.txt");
  {
    AtomicFile file(path);
    std::filesystem::remove(path + ".tmp");
    write_text(path + ".tmp", "of another writer");
    CHECK_THROWS_WITH_AS(file.commit(), doctest::Contains("was removed or replaced"), Error);
  }
  CHECK(read_text(path + ".tmp") == "of another writer");
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("atomic file: a missing directory is named with the system's reason") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("nowhere/a.txt");
  const std::string message = io_error_of_writing(path, "x");
  CHECK(contains(message, path));
  CHECK(contains(message, "No such file or directory"));
}

TEST_CASE("atomic file: without the right to write, the old file stays") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.txt");
  write_text(path, "old");
  using std::filesystem::perms;
  std::filesystem::permissions(directory.path(), perms::owner_read | perms::owner_exec |
                                                     perms::others_read | perms::others_exec);
  CHECK(test::holds_in_child([&] {
    if (!test::become_nobody()) return false;
    const std::string message = io_error_of_writing(path, "new");
    return contains(message, path) && contains(message, "Permission denied") &&
           contains(message, "choose a place");
  }));
  std::filesystem::permissions(directory.path(), perms::owner_all);
  CHECK(read_text(path) == "old");
}

// A limit on the size of files stops a write half-way, as a full disk does.
TEST_CASE("atomic file: no space half-way leaves the old file and no rest") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.txt");
  write_text(path, "old");
  CHECK(test::holds_in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 4096, .rlim_max = 4096};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    const std::string message = io_error_of_writing(path, std::string(100'000, 'x'));
    return contains(message, path) && contains(message, "File too large") &&
           contains(message, "free some space");
  }));
  CHECK(read_text(path) == "old");
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_CASE("atomic file: a device without space gives its reason") {
  std::string message;
  try {
    File file = File::open_for_writing("/dev/full");
    file.write(std::as_bytes(std::span(std::string_view("x"))));
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK(contains(message, "cannot write /dev/full: No space left on device; free some space"));
}

}  // namespace
}  // namespace amcl
