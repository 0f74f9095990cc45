#include "tests/data/data_files.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "data/sources/open_dataset.h"
#include "engine/backend/plain/plain_backend.h"
#include "tests/data/encode.h"

namespace amcl {

namespace fs = std::filesystem;

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (fs::temp_directory_path() / "amcl-data-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_photographs(const fs::path& directory, bool with_bad_ones) {
  for (int i = 0; i < 14; ++i) {
    const int height = 20 + 3 * i;
    const int width = 50 - 2 * i;
    std::string file = encode_jpeg(picture(height, width, 3, static_cast<uint64_t>(i)), height,
                                   width, {.orientation = i % 3 == 0 ? 6 : 0});
    if (with_bad_ones && (i == 4 || i == 5)) file.resize(file.size() / 2);
    write(directory / concat_text(static_cast<char>('a' + i), ".jpg"), file);
  }
}

Outcome opening_of(const std::string& source, Split split, const DatasetOptions& options) {
  PlainBackend backend;
  try {
    open_dataset(backend, source, split, 0, 1, options);
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  return {};
}

}  // namespace amcl
