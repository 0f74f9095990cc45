// Archives of known sets: download, checksum, unpacking.
#include "data/fetch/fetch.h"

#include <doctest/doctest.h>

#include "data/fetch/tar_archive.h"
#include "engine/core/check.h"
#include "engine/io/sha256.h"
#include "tests/data/archives.h"
#include "tests/data/data_files.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// Hardly compressible, as pixels are.
std::string data_bytes() {
  std::string bytes;
  for (uint32_t i = 0; i < 3000; ++i) bytes += static_cast<char>(i * i * 2654435761u >> 24);
  return bytes;
}

class Fixture {
 public:
  Fixture() {
    write(archive(), gzipped(tar({{"set/", "", '5'},
                                  {"./set/data.bin", data_bytes()},
                                  {"set/readme", "text"},
                                  {"set/empty", ""}})));
    set_ = {.name = "test",
            .url = "file://" + archive(),
            .sha256 = sha256_of_file(archive()),
            .bytes = static_cast<int64_t>(fs::file_size(archive())),
            .folder = "set",
            .layout = "cifar"};
  }

  std::string archive() const { return (directory_.path() / "set.tar.gz").string(); }
  std::string to() const { return (directory_.path() / "a/b").string(); }
  PublishedSet& set() { return set_; }
  std::string fetch(FetchOptions options = {}) const {
    options.to = to();
    return fetch_set(set_, options);
  }
  Outcome fetching(const FetchOptions& options = {}) const {
    try {
      fetch(options);
    } catch (const Error& error) {
      return {error.kind(), error.what()};
    }
    return {};
  }
  void check_unpacked() const {
    CHECK(bytes_of(to() + "/set/data.bin") == data_bytes());
    CHECK(bytes_of(to() + "/set/readme") == "text");
    CHECK(fs::exists(to() + "/set/empty"));
    check_only_set_there();
  }
  void check_only_set_there() const {
    for (const fs::directory_entry& entry : fs::directory_iterator(to()))
      CHECK(entry.path().filename() == "set");
  }

 private:
  TemporaryDirectory directory_;
  PublishedSet set_;
};

TEST_CASE("fetch: an archive that is here is checked and unpacked; a set that is there is left") {
  Fixture fixture;
  CHECK(fixture.fetch({.from = fixture.archive()}) == fixture.to() + "/set");
  fixture.check_unpacked();
  write(fixture.to() + "/set/readme", "mine");
  CHECK(fixture.fetch({.from = "not even there"}) == fixture.to() + "/set");
  CHECK(bytes_of(fixture.to() + "/set/readme") == "mine");
}

TEST_CASE("fetch: another archive is refused with both checksums, or taken as it is") {
  Fixture fixture;
  const std::string right = fixture.set().sha256;
  fixture.set().sha256 = std::string(64, '0');
  const Outcome refused = fixture.fetching({.from = fixture.archive()});
  CHECK(refused.kind == ErrorKind::data);
  CHECK(refused.message == fixture.archive() +
                               ": is not the published archive of test: its SHA-256 is " + right +
                               ", expected " + std::string(64, '0') +
                               "; fetch it again, or take it as it is with --any-checksum");
  fixture.check_only_set_there();
  fixture.fetch({.from = fixture.archive(), .any_checksum = true});
  fixture.check_unpacked();
}

TEST_CASE("fetch: a download goes on where it stopped") {
  const Fixture fixture;
  const std::string whole = bytes_of(fixture.archive());
  for (const size_t there : {size_t{0}, whole.size() / 2, whole.size()}) {
    fs::remove_all(fixture.to());
    if (there > 0) write(fixture.to() + "/set.tar.gz.partial", whole.substr(0, there));
    CHECK(fixture.fetch() == fixture.to() + "/set");
    fixture.check_unpacked();
  }
}

TEST_CASE("fetch: a download of something else, or of nothing") {
  Fixture fixture;
  const std::string partial = fixture.to() + "/set.tar.gz.partial";
  write(partial, "begun with something else");
  const Outcome other = fixture.fetching();
  CHECK(other.kind == ErrorKind::data);
  CHECK(other.message.ends_with("; remove it and fetch it again"));
  CHECK(fs::exists(partial));
  fs::remove(partial);
  fixture.set().url = "file:///nowhere/set.tar.gz";
  const Outcome nothing = fixture.fetching();
  CHECK(nothing.kind == ErrorKind::io);
  CHECK(nothing.message.starts_with("cannot download file:///nowhere/set.tar.gz: curl: ("));
  CHECK(nothing.message.ends_with(
      "; the same command goes on from 0 bytes, and --from takes an archive that was fetched "
      "elsewhere"));
  CHECK(nothing.message.find('\n') == std::string::npos);
  CHECK_FALSE(fs::exists(partial));
}

TEST_CASE("fetch: archives of another kind, damaged or hostile leave nothing behind") {
  const Fixture fixture;
  const std::string file = (fs::path(fixture.archive()).parent_path() / "other").string();
  const auto message = [&](const std::string& content) {
    write(file, content);
    const Outcome outcome = fixture.fetching({.from = file, .any_checksum = true});
    CHECK(outcome.kind == ErrorKind::data);
    CHECK(outcome.message.starts_with(file + ": "));
    fixture.check_only_set_there();
    CHECK_FALSE(fs::exists(fixture.to() + "/set"));
    return outcome.message.substr(file.size() + 2);
  };
  CHECK(message(std::string("\xfd"
                            "7zXZ\0....",
                            10)) == "is compressed by xz, not gzip; unpack it with tar -xJf " +
                                        file + " and give the folder to --data");
  CHECK(message("<html>404</html>") == "is not compressed by gzip; a .tar.gz is needed");
  CHECK(message("") == "is not compressed by gzip; a .tar.gz is needed");
  const std::string whole = bytes_of(fixture.archive());
  for (const size_t size : {size_t{12}, whole.size() / 2, whole.size() - 4})
    CHECK(message(whole.substr(0, size)).find("fetch the file again") != std::string::npos);

  const auto message_of_tar = [&](const std::string& content) { return message(gzipped(content)); };
  const std::string outside = "', which is not in set/; nothing of it is kept";
  for (const std::string name : {"/etc/passwd", "../x", "set/../../x", "other/x", "set/..", "./"})
    CHECK(message_of_tar(tar({{"set/a", "a"}, {name, "x"}})).ends_with(outside));
  for (const char type : {'1', '2', '3', '6', 'L', 'S'})
    CHECK(message_of_tar(tar({{"set/a", "a"}, {"set/link", "", type}})) ==
          "holds a link or device, 'set/link'; nothing of it is kept");
  const std::string both = "' as a file and as a folder; nothing of it is kept";
  CHECK(message_of_tar(tar({{"set/a", "a"}, {"set/a/b", "b"}})) == "holds 'set/a/b" + both);
  CHECK(message_of_tar(tar({{"set/a", "a"}, {"set/a/", "", '5'}})) == "holds 'set/a" + both);
  CHECK(message_of_tar(tar({{"set/a/b", "b"}, {"set/a", "a"}})) == "holds 'set/a" + both);
  CHECK(message_of_tar(tar({{"set", "a"}})) == "holds 'set" + both);
  CHECK(message_of_tar(tar({{"set/a", "a"}, {"set/bomb", std::string(1 << 20, 'b')}}))
            .ends_with(" bytes that can be in such a set, in 'set/bomb'; nothing of it is kept"));
  CHECK(message_of_tar(std::string(2048, 'x')) == "is no tar archive, or a damaged one");
  std::string number = tar({{"set/a", "a"}});
  number[130] = '9';
  CHECK(message_of_tar(number) == "is no tar archive, or a damaged one");
}

TEST_CASE("fetch: an archive cannot go on without end where it holds no content") {
  const Fixture fixture;
  const std::string file = (fs::path(fixture.archive()).parent_path() / "other").string();
  const auto outcome_of = [&](const std::string& content) {
    write(file, gzipped(content));
    const Outcome outcome = fixture.fetching({.from = file, .any_checksum = true});
    CHECK_FALSE(fs::exists(fixture.to() + "/set.partial"));
    return outcome;
  };
  constexpr size_t kTooMuch = size_t{17} << 20;
  std::vector<TarEntry> folders(kTooMuch / 512, {"set/a/", "", '5'});
  for (const std::string& content :
       {tar({{"set/a", "a"}}) + std::string(kTooMuch, '\0'),
        tar({{"set/x", std::string(kTooMuch, 'x'), 'x'}}), tar(folders)}) {
    const Outcome outcome = outcome_of(content);
    CHECK(outcome.kind == ErrorKind::data);
    CHECK(outcome.message.find("unpacks to more than the ") != std::string::npos);
  }
  // The zeros to which tar fills its blocks are none too many.
  const Outcome good = outcome_of(tar({{"set/a", "a"}}) + std::string(size_t{1} << 20, '\0'));
  CHECK(good.message == "no error");
}

TEST_CASE("fetch: an archive that holds no such set leaves nothing behind") {
  const Fixture fixture;
  const auto refuse = [](ErrorKind kind) {
    return [kind](const std::string& folder) {
      CHECK(fs::exists(folder + "/readme"));
      fail(kind, "no images");
    };
  };
  for (const ErrorKind kind : {ErrorKind::missing, ErrorKind::data}) {
    const Outcome outcome = fixture.fetching({.from = fixture.archive(), .check = refuse(kind)});
    CHECK(outcome.kind == ErrorKind::data);
    CHECK(outcome.message == fixture.archive() + ": holds no test: no images");
    CHECK(fs::is_empty(fixture.to()));
  }
  CHECK(fixture.fetching({.from = fixture.archive(), .check = refuse(ErrorKind::io)}).kind ==
        ErrorKind::io);
}

TEST_CASE("fetch: the published sets are whole") {
  for (const PublishedSet& set : published_sets()) {
    CHECK(set.sha256.size() == 64);
    CHECK(set.url.ends_with(".tar.gz"));
    CHECK(set.bytes > 100'000'000);
  }
}

}  // namespace
}  // namespace amcl
