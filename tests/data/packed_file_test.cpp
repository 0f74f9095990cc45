// Damaged packed sets: each says in one line what is wrong with it.
#include "data/packed/packed_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstring>

#include "data/sources/open_dataset.h"
#include "data/views/loader.h"
#include "engine/backend/open.h"
#include "engine/core/check.h"
#include "tests/data/data_files.h"
#include "tests/data/packed_files.h"
#include "tests/io/in_child.h"

namespace amcl {
namespace {

constexpr const char* kRemedy = "; copy it again, or pack the set again";

// The error of opening the file and reading all images, if there is one.
Outcome reading_of(const std::string& path) {
  try {
    const PackedFile packed(path);
    std::vector<uint8_t> buffer;
    for (int64_t image = 0; image < packed.count(); ++image) packed.content(image, buffer);
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  return {};
}

class Fixture {
 public:
  std::string path() const { return (directory_.path() / "packed").string(); }
  Outcome reading(const std::string& content) const {
    write(path(), content);
    return reading_of(path());
  }

 private:
  TemporaryDirectory directory_;
};

void check_refused(const Outcome& outcome, const std::string& message) {
  CHECK(outcome.kind == ErrorKind::data);
  CHECK(outcome.message == message);
}

// A header and an index whose CRCs are right, but one of whose values is not.
template <class Change>
std::string changed(const std::string& packed, const Change& change) {
  std::string result = packed;
  PackedHeader header = header_of(packed);
  change(header, result);
  set_header(result, header);
  return result;
}

PackedEntry entry_of(const std::string& packed, size_t image) {
  PackedEntry entry;
  std::memcpy(&entry, packed.data() + header_of(packed).index_offset + image * sizeof entry,
              sizeof entry);
  return entry;
}

void set_entry(std::string& packed, size_t image, const PackedEntry& entry) {
  std::memcpy(packed.data() + header_of(packed).index_offset + image * sizeof entry, &entry,
              sizeof entry);
}

TEST_CASE("packed file: is recognised by its first bytes, and holds what was packed") {
  const Fixture fixture;
  write(fixture.path(), small_packed_file());
  CHECK(is_packed_file(fixture.path()));
  CHECK_FALSE(is_packed_file(fixture.path() + "x"));
  const PackedFile packed(fixture.path());
  CHECK(packed.count() == 3);
  CHECK(packed.class_names() == std::vector<std::string>{"cat", "dog"});
  CHECK(packed.name(2) == "dog/3.pgm");
  CHECK(packed.place(2) == fixture.path() + ", image 2 (dog/3.pgm)");
  std::vector<uint8_t> buffer;
  const std::span<const uint8_t> content = packed.content(2, buffer).bytes;
  CHECK(std::string(content.begin(), content.end()) == "P5 1 2 255 xy");
  CHECK(packed.entry(2).label == 1);
  CHECK(packed.entry(2).height == 2);
}

TEST_CASE("packed file: cut anywhere") {
  const Fixture fixture;
  const std::string whole = small_packed_file();
  REQUIRE(fixture.reading(whole).message == "no error");
  for (size_t size = 0; size < whole.size(); ++size) {
    const Outcome outcome = fixture.reading(whole.substr(0, size));
    INFO(size, " bytes: ", outcome.message);
    CHECK(outcome.kind == ErrorKind::data);
    CHECK(outcome.message.find(size < 8 ? "is no packed set" : "is cut short") !=
          std::string::npos);
  }
  check_refused(fixture.reading(whole + "x"),
                concat_text(fixture.path(), ": is cut short or joined with something: ",
                            whole.size() + 1, " bytes instead of ", whole.size(), kRemedy));
}

TEST_CASE("packed file: a flipped bit anywhere") {
  const Fixture fixture;
  const std::string whole = small_packed_file();
  for (size_t place = 0; place < whole.size(); ++place) {
    std::string flipped = whole;
    flipped[place] = static_cast<char>(flipped[place] ^ 1 << place % 8);
    const Outcome outcome = fixture.reading(flipped);
    INFO("byte ", place, ": ", outcome.message);
    CHECK(outcome.kind == ErrorKind::data);
    CHECK(outcome.message.starts_with(fixture.path()));
  }
  std::string flipped = whole;
  flipped[header_of(whole).index_offset - 1] ^= 4;
  check_refused(fixture.reading(flipped),
                fixture.path() + ", image 2 (dog/3.pgm): is damaged (CRC-32C)" + kRemedy);
  flipped = whole;
  flipped.back() ^= 4;
  check_refused(fixture.reading(flipped),
                fixture.path() + ": its index is damaged (CRC-32C)" + kRemedy);
}

TEST_CASE("packed file: without the right to read it, one line says so") {
  const TemporaryDirectory directory;
  const std::string path = (directory.path() / "packed").string();
  write(path, small_packed_file());
  std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
  std::filesystem::permissions(path, std::filesystem::perms::none);
  CHECK(test::holds_in_child([&] {
    if (!test::become_nobody()) return false;
    for (const char* layout : {"auto", "packed"}) {
      const Outcome outcome = opening_of(path, Split::train, {.layout = layout});
      if (outcome.kind != ErrorKind::io ||
          outcome.message != "cannot read " + path + ": Permission denied")
        return false;
    }
    return true;
  }));
}

TEST_CASE("packed file: another version, and one that is not complete") {
  const Fixture fixture;
  const std::string whole = small_packed_file();
  check_refused(
      fixture.reading(
          changed(whole, [](PackedHeader& header, std::string&) { header.version = 2; })),
      fixture.path() +
          ": is a packed set of version 2, this program reads version 1; pack the set again");
  check_refused(fixture.reading(changed(
                    whole, [](PackedHeader& header, std::string&) { header.complete = 0; })),
                fixture.path() +
                    ": was not packed to the end; amcl data pack with the same arguments goes on "
                    "with it");
}

TEST_CASE("packed file: values that cannot be, under CRCs that are right") {
  const Fixture fixture;
  const std::string whole = small_packed_file();
  const auto message = [&](auto change) {
    const Outcome outcome = fixture.reading(changed(whole, change));
    CHECK(outcome.kind == ErrorKind::data);
    CHECK(outcome.message.ends_with(kRemedy));
    return outcome.message.substr(fixture.path().size() + 2,
                                  outcome.message.find(';') - fixture.path().size() - 2);
  };
  CHECK(message([](PackedHeader& header, std::string&) {
          header.measures[1].deviation[2] = 0.0f;
        }) == "its header holds impossible values");
  CHECK(message([](PackedHeader& header, std::string&) { header.size = 5000; }) ==
        "its header holds impossible values");
  CHECK(message([](PackedHeader& header, std::string&) { header.images = 0; }) ==
        "its index has no room for 0 images");
  CHECK(message([](PackedHeader& header, std::string&) { header.images = uint64_t{1} << 61; }) ==
        "its index has no room for 2305843009213693952 images");
  CHECK(message([](PackedHeader& header, std::string&) { header.height = header.width = 1; }) ==
        "the entry of image 0 in its index is wrong");
  const auto with_entry = [](size_t image, auto change) {
    return [image, change](PackedHeader&, std::string& packed) {
      PackedEntry entry = entry_of(packed, image);
      change(entry);
      set_entry(packed, image, entry);
    };
  };
  CHECK(message(with_entry(1, [](PackedEntry& entry) { entry.offset = ~uint64_t{0}; })) ==
        "the entry of image 1 in its index is wrong");
  CHECK(message(with_entry(0, [](PackedEntry& entry) { entry.length = ~uint32_t{0}; })) ==
        "the entry of image 0 in its index is wrong");
  CHECK(message(with_entry(2, [](PackedEntry& entry) { entry.part = 3; })) ==
        "the entry of image 2 in its index is wrong");
  CHECK(message(with_entry(2, [](PackedEntry& entry) { --entry.length; })) ==
        "its index knows nothing of the 1 bytes before it");
  CHECK(message([](PackedHeader& header, std::string& packed) {
          packed[header.index_offset + 3 * sizeof(PackedEntry) + 7] = 1;
        }) == "the name of image 0 in its index is wrong");
  CHECK(message([](PackedHeader&, std::string& packed) { packed[packed.size() - 7] = 9; }) ==
        "the texts of its index are wrong");
}

TEST_CASE("packed file: labels that do not fit") {
  const Fixture fixture;
  const std::string whole = small_packed_file();
  const auto opening = [&](int32_t label) {
    write(fixture.path(), changed(whole, [&](PackedHeader&, std::string& packed) {
            PackedEntry entry = entry_of(packed, 1);
            entry.label = label;
            set_entry(packed, 1, entry);
          }));
    return opening_of(fixture.path());
  };
  check_refused(opening(2), fixture.path() + ": label 2, but 2 class names");
  check_refused(opening(-1), fixture.path() + ": 1 of 3 images have no label, the others have one");
}

TEST_CASE("packed file: a damaged record stops a run or is skipped") {
  TemporaryDirectory directory;
  write_photographs(directory.path() / "photos", false);
  const std::string path = (directory.path() / "set").string();
  pack(directory.path() / "photos", path);
  std::string damaged = bytes_of(path);
  damaged[header_of(damaged).index_offset - 100] ^= 1;
  write(path, damaged);
  const auto backend = open_backend("cpu");
  const auto run = [&](bool skip) {
    const Dataset dataset =
        open_dataset(*backend, path, Split::train, 0, 1, {.size = 16, .skip_bad_images = skip});
    Loader loader(*backend, dataset, {}, {.batch = 14, .workers = 2, .seed = 3});
    loader.next();
    return dataset.bad_images->take_messages();
  };
  CHECK_THROWS_WITH_AS(run(false),
                       (path + ", image 13 (n.jpg): is damaged (CRC-32C)" + kRemedy +
                        "; --on-error skip goes on without such images")
                           .c_str(),
                       Error);
  CHECK(run(true) ==
        std::vector<std::string>{"skipped (1 of at most 100): " + path +
                                 ", image 13 (n.jpg): is damaged (CRC-32C)" + kRemedy});
}

TEST_CASE("packed file: one that is cut while it is in use is an error, not the end") {
  const Fixture fixture;
  write(fixture.path(), small_packed_file());
  const PackedFile packed(fixture.path());
  REQUIRE(::truncate(fixture.path().c_str(), 100) == 0);
  std::vector<uint8_t> buffer;
  CHECK_THROWS_WITH_AS(packed.content(0, buffer),
                       (fixture.path() + " has become shorter while it is in use").c_str(), Error);
}

}  // namespace
}  // namespace amcl
