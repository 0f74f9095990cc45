// Damaged and hostile archives (tests/data/fuzz.h), half of them with right checksums in their headers,
// most of them whole for gzip: whatever they hold, nothing appears outside of the one folder.
#include <doctest/doctest.h>

#include "data/fetch/tar_archive.h"
#include "tests/data/archives.h"
#include "tests/data/data_files.h"
#include "tests/data/fuzz.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostBytes = 4000;

bool holds_only(const fs::path& directory, const std::vector<std::string>& names) {
  for (const fs::directory_entry& entry : fs::directory_iterator(directory))
    if (std::find(names.begin(), names.end(), entry.path().filename()) == names.end()) return false;
  return true;
}

// What has been unpacked into `top`/target: folders and files in the folder `set`.
void check_unpacked(const fs::path& top) {
  REQUIRE(holds_only(top, {"archive", "target"}));
  if (!fs::exists(top / "target")) return;
  REQUIRE(holds_only(top / "target", {"set"}));
  uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(top / "target")) {
    REQUIRE(!entry.is_symlink());
    REQUIRE((entry.is_directory() || entry.is_regular_file()));
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  CHECK(bytes <= kMostBytes);
}

TEST_CASE("fuzz: tar archives") {
  const std::vector<std::string> seeds = {
      tar({{"set/", "", '5'}, {"set/data.bin", std::string(600, 'd')}, {"set/empty"}}),
      tar({{"./", "", '5'}, {"./set/a/b/c", "deep"}, {"./set/a/b", "", '5'}}),
      tar({{"set/x", std::string(3000, 'x')}, {"set/x", "again"}, {"set/y", "", 'x'}}),
      tar({{"set/../outside", "x"}}),
      tar({{"set/link", "", '2'}}),
      tar({{"set/a", "file"}, {"set/a/b", "in a file"}}),
      tar({{"set", "file"}})};
  const TemporaryDirectory directory;
  const fs::path archive = directory.path() / "archive";
  const fs::path target = directory.path() / "target";
  const auto read = [&](RandomStream& random) {
    std::string file = mutated(random, seeds[random.below(static_cast<uint32_t>(seeds.size()))]);
    if (random.below(2) == 0) file = with_header_sums(file);
    file = gzipped(file);
    if (random.below(8) == 0) file = mutated(random, file);
    write(archive, file);
    fs::remove_all(target);
    try {
      unpack_tar_gz(archive.string(), target.string(), "set", kMostBytes);
    } catch (const Error&) {
      check_unpacked(directory.path());
      throw;
    }
    check_unpacked(directory.path());
  };
  fuzz(read, {ErrorKind::data});
}

}  // namespace
}  // namespace amcl
