#include "data/fetch/fetch.h"

#include <filesystem>

#include "data/fetch/download.h"
#include "data/fetch/tar_archive.h"
#include "engine/core/check.h"
#include "engine/io/file.h"
#include "engine/io/sha256.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// Published sets are pixels, of which gzip saves a sixth at most; others may add files of their
// own.
constexpr uint64_t kMostInflation = 2;

// A directory that is removed unless it has been renamed.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) { remove(); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { remove(); }
  const fs::path& path() const { return path_; }

 private:
  void remove() const {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  fs::path path_;
};

void check_archive(const PublishedSet& set, const std::string& archive, const char* remedy) {
  const std::string found = sha256_of_file(archive);
  if (found != set.sha256)
    fail(ErrorKind::data, archive, ": is not the published archive of ", set.name,
         ": its SHA-256 is ", found, ", expected ", set.sha256, remedy);
}

void check_content(const PublishedSet& set, const FetchOptions& options, const std::string& archive,
                   const std::string& folder) {
  try {
    options.check(folder);
  } catch (const Error& error) {
    const bool of_content = error.kind() == ErrorKind::missing || error.kind() == ErrorKind::data ||
                            error.kind() == ErrorKind::usage;
    if (!of_content) throw;
    fail(ErrorKind::data, archive, ": holds no ", set.name, ": ", error.what());
  }
}

void unpack(const PublishedSet& set, const FetchOptions& options, const std::string& archive,
            const fs::path& target) {
  const TemporaryFolder temporary(target.string() + ".partial");
  unpack_tar_gz(archive, temporary.path().string(), set.folder,
                kMostInflation * static_cast<uint64_t>(set.bytes));
  const std::string folder = (temporary.path() / set.folder).string();
  if (options.check) check_content(set, options, archive, folder);
  rename_over(folder, target.string());
  sync_directory_of(target.string());
}

// The archive, complete and checked; its name ends with .partial until it is unpacked.
std::string download_archive(const PublishedSet& set, const FetchOptions& options) {
  const std::string name = set.url.substr(set.url.rfind('/') + 1);
  const std::string archive = (fs::path(options.to) / (name + ".partial")).string();
  {
    const File lock = File::open_exclusively(archive);
    try {
      if (lock.size() < set.bytes)
        download(set.url, archive, [&](int64_t done) {
          if (options.progress) options.progress(done, set.bytes);
        });
    } catch (const Error& error) {
      const int64_t bytes = lock.size();
      if (bytes == 0) fs::remove(archive);
      fail(error.kind(), error.what(), "; the same command goes on from ", bytes,
           " bytes, and --from takes an archive that was fetched elsewhere");
    }
  }
  check_archive(set, archive, "; remove it and fetch it again");
  return archive;
}

}  // namespace

const std::vector<PublishedSet>& published_sets() {
  static const std::vector<PublishedSet> sets = {
      {.name = "cifar10",
       .url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
       .sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
       .bytes = 170'052'171,
       .folder = "cifar-10-batches-bin",
       .layout = "cifar"},
      {.name = "cifar100",
       .url = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
       .sha256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
       .bytes = 168'513'733,
       .folder = "cifar-100-binary",
       .layout = "cifar"},
      {.name = "stl10",
       .url = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
       .sha256 = "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
       .bytes = 2'640'397'119,
       .folder = "stl10_binary",
       .layout = "stl10"}};
  return sets;
}

std::string fetch_set(const PublishedSet& set, const FetchOptions& options) {
  const fs::path target = fs::path(options.to) / set.folder;
  std::error_code error;
  if (fs::exists(target, error)) return target.string();
  fs::create_directories(options.to, error);
  if (error) fail_writing(options.to, error.value());
  if (options.from.empty()) {
    const std::string archive = download_archive(set, options);
    unpack(set, options, archive, target);
    fs::remove(archive, error);
    return target.string();
  }
  check_tar_gz(options.from);
  if (!options.any_checksum)
    check_archive(set, options.from, "; fetch it again, or take it as it is with --any-checksum");
  unpack(set, options, options.from, target);
  return target.string();
}

}  // namespace amcl
