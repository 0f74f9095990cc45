// Packing that is stopped, repeated or impossible.
#include "data/packed/pack.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>

#include "data/packed/packed_file.h"
#include "data/packed/packed_writer.h"
#include "engine/core/parallel_for.h"
#include "tests/data/data_files.h"
#include "tests/data/encode.h"
#include "tests/data/packed_files.h"
#include "tests/io/in_child.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

class Fixture {
 public:
  explicit Fixture(bool with_bad_ones = false) {
    write_photographs(source(), with_bad_ones);
    // More than are read at once, so that a pack has a middle.
    for (int i = 0; i < 200; ++i)
      write(source() / concat_text("z", 1000 + i, ".ppm"), concat_text("P6 1 1 255 ", 100 + i));
  }

  fs::path source() const { return directory_.path() / "photos"; }
  fs::path file() const { return directory_.path() / "set"; }
  fs::path partial() const { return directory_.path() / "set.partial"; }
  fs::path other() const { return directory_.path() / "other"; }

  // Packs in another process, which is killed once `images` are done.
  void pack_and_die(int64_t images, const PackOptions& given = {}) const {
    const pid_t child = test::start_child([&] {
      set_compute_threads(1);  // a child has none of its parent's threads
      PackOptions options = given;
      options.progress = [&](Split, int64_t done, int64_t) {
        if (done >= images) ::kill(::getpid(), SIGKILL);
      };
      pack(source(), file(), options);
      return true;
    });
    CHECK_FALSE(test::wait_for_success(child));
    REQUIRE(fs::exists(partial()));
    REQUIRE_FALSE(fs::exists(file()));
  }

  std::string error_of_packing(const PackOptions& options = {},
                               ErrorKind kind = ErrorKind::data) const {
    try {
      pack(source(), file(), options);
    } catch (const Error& error) {
      CHECK(error.kind() == kind);
      return error.what();
    }
    return "no error";
  }

 private:
  TemporaryDirectory directory_;
};

TEST_CASE("pack: one that was killed goes on, to the same bytes") {
  const Fixture fixture;
  pack(fixture.source(), fixture.other());
  fixture.pack_and_die(64);
  CHECK(opening_of(fixture.partial().string()).message.find("was not packed to the end") !=
        std::string::npos);
  // The end of what the killed writer left may be anything.
  write(fixture.partial(), bytes_of(fixture.partial()) + "half a record");
  const PackReport report = pack(fixture.source(), fixture.file());
  CHECK(report.resumed == 64);
  CHECK(report.parts.at(0).images == 214);
  CHECK(bytes_of(fixture.file()) == bytes_of(fixture.other()));
  CHECK_FALSE(fs::exists(fixture.partial()));
}

TEST_CASE("pack: a record that did not reach the disk is packed again") {
  const Fixture fixture;
  pack(fixture.source(), fixture.other());
  fixture.pack_and_die(64);
  std::string partial = bytes_of(fixture.partial());
  partial[partial.size() / 2] ^= 1;
  write(fixture.partial(), partial);
  const PackReport report = pack(fixture.source(), fixture.file());
  CHECK(report.resumed < 64);
  CHECK(report.resumed > 0);
  CHECK(bytes_of(fixture.file()) == bytes_of(fixture.other()));
}

TEST_CASE("pack: a torn header is mended where the records are whole") {
  const Fixture fixture;
  pack(fixture.source(), fixture.other());
  fixture.pack_and_die(64);
  const std::string begun = bytes_of(fixture.partial());
  const auto header = [](char byte, size_t begin, size_t end) {
    return [=](std::string& partial) { std::fill_n(partial.begin() + begin, end - begin, byte); };
  };
  const std::function<void(std::string&)> damages[] = {
      header('\1', 12, 16), header('\0', 0, sizeof(PackedHeader)),
      header('x', 0, sizeof(PackedHeader)), header('\7', 16, 24)};
  for (const auto& damage : damages) {
    std::string torn = begun;
    damage(torn);
    write(fixture.partial(), torn);
    CHECK(fixture.error_of_packing({.size = 8}).find("of the source has changed since this") !=
          std::string::npos);  // other settings
    const PackReport report = pack(fixture.source(), fixture.file());
    CHECK(report.resumed == 64);
    CHECK(bytes_of(fixture.file()) == bytes_of(fixture.other()));
    fs::remove(fixture.file());
  }
  // Without a whole record there is nothing to keep, and the file may be another's.
  write(fixture.partial(), std::string(sizeof(PackedHeader), '\0'));
  CHECK(fixture.error_of_packing().ends_with(
      "is not the rest of a pack that was stopped; remove it"));
}

TEST_CASE("pack: what has changed between is refused") {
  const Fixture fixture;
  fixture.pack_and_die(64);
  const std::string begun = bytes_of(fixture.partial());
  CHECK(fixture.error_of_packing({.size = 8}) ==
        fixture.partial().string() +
            ": was begun with other settings; give the same ones to go on, or remove it");
  write(fixture.source() / "b.jpg", bytes_of(fixture.source() / "c.jpg"));
  const std::string changed =
      fixture.partial().string() +
      ": image 1 (b.jpg) of the source has changed since this was begun; remove it to begin anew";
  CHECK(fixture.error_of_packing() == changed);
  fs::remove(fixture.source() / "b.jpg");
  CHECK(fixture.error_of_packing().find(": image 1 (c.jpg) of the source has changed") !=
        std::string::npos);
  CHECK(bytes_of(fixture.partial()) == begun);
  for (const fs::directory_entry& image : fs::directory_iterator(fixture.source()))
    if (image.path().filename() != "a.jpg") fs::remove(image.path());
  CHECK(fixture.error_of_packing().find("of the source has changed") != std::string::npos);
  CHECK(bytes_of(fixture.partial()) == begun);
  write(fixture.partial(), std::string(300, 'x'));
  CHECK(fixture.error_of_packing() ==
        fixture.partial().string() + ": is not the rest of a pack that was stopped; remove it");
}

TEST_CASE("pack: bad images stop it or are left out, resumed or not") {
  const Fixture fixture(true);
  CHECK(fixture.error_of_packing().find("e.jpg: is a damaged JPEG image (") != std::string::npos);
  fs::remove(fixture.partial());
  const PackReport whole = pack(fixture.source(), fixture.other(), {.skip_bad_images = true});
  CHECK(whole.left_out.size() == 2);
  CHECK(whole.parts.at(0).images == 212);
  fixture.pack_and_die(64, {.skip_bad_images = true});
  const PackReport resumed = pack(fixture.source(), fixture.file(), {.skip_bad_images = true});
  CHECK(resumed.resumed == 62);
  CHECK(resumed.left_out == whole.left_out);
  CHECK(bytes_of(fixture.file()) == bytes_of(fixture.other()));
  const PackedFile packed(fixture.file().string());
  CHECK(packed.name(4) == "g.jpg");
}

TEST_CASE("pack: a full disk loses nothing") {
  const Fixture fixture;
  pack(fixture.source(), fixture.other());
  const auto size = static_cast<rlim_t>(fs::file_size(fixture.other()));
  CHECK(test::holds_in_child([&] {
    set_compute_threads(1);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{size / 2, size / 2};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string error = fixture.error_of_packing({}, ErrorKind::io);
    return error.find("cannot write " + fixture.partial().string() + ": File too large; free") ==
               0 &&
           error.find(" images are packed and stay there, and the same command goes on") !=
               std::string::npos;
  }));
  CHECK_FALSE(fs::exists(fixture.file()));
  CHECK(pack(fixture.source(), fixture.file()).resumed > 10);
  CHECK(bytes_of(fixture.file()) == bytes_of(fixture.other()));
}

TEST_CASE("pack: a file that is there stays, unless it shall be replaced") {
  const Fixture fixture;
  write(fixture.file(), "precious");
  CHECK(fixture.error_of_packing({}, ErrorKind::usage) ==
        fixture.file().string() + ": is there already; --overwrite replaces it");
  CHECK(bytes_of(fixture.file()) == "precious");
  pack(fixture.source(), fixture.file(), {.overwrite = true});
  CHECK(PackedFile(fixture.file().string()).count() == 214);
  fs::create_directory(fixture.other());
  CHECK_THROWS_WITH_AS(
      pack(fixture.source(), fixture.other(), {.overwrite = true}),
      (fixture.other().string() + ": is no file; name the one to make, such as set.amcl").c_str(),
      Error);
}

TEST_CASE("pack: two at once do not mix") {
  const Fixture fixture;
  const PackedWriter first(fixture.file().string(), 0);
  CHECK(fixture.error_of_packing({}, ErrorKind::io) ==
        "cannot write " + fixture.partial().string() + ": another process is writing it");
}

TEST_CASE("pack: a source without images says so") {
  TemporaryDirectory directory;
  fs::create_directory(directory.path() / "empty");
  CHECK_THROWS_WITH_AS(pack(directory.path() / "empty", directory.path() / "set"),
                       doctest::Contains("holds no image"), Error);
  write(directory.path() / "bad/a.jpg", "no image");
  CHECK_THROWS_WITH_AS(
      pack(directory.path() / "bad", directory.path() / "set", {.skip_bad_images = true}),
      doctest::Contains("not one of its 1 images can be read"), Error);
}

}  // namespace
}  // namespace amcl
