// Damaged packed sets (tests/data/fuzz.h), half of them with the CRCs of header and index made right
// again, so that what these would catch is met too.
#include <doctest/doctest.h>

#include "data/packed/packed_file.h"
#include "tests/data/data_files.h"
#include "tests/data/fuzz.h"
#include "tests/data/packed_files.h"

namespace amcl {
namespace {

// Damage to the index, which stands at the end, is as likely as to the rest.
std::string damaged(RandomStream& random, const std::string& file) {
  if (random.below(2) == 0) return mutated(random, file);
  const size_t index = header_of(file).index_offset;
  return file.substr(0, index) + mutated(random, file.substr(index));
}

void make_right(RandomStream& random, std::string& file) {
  if (file.size() < sizeof(PackedHeader)) return;
  PackedHeader header = header_of(file);
  if (random.below(2) == 0 && header.index_offset < file.size())
    header.index_bytes = file.size() - header.index_offset;
  set_header(file, header);
}

TEST_CASE("fuzz: packed sets") {
  const std::string seed = small_packed_file();
  const TemporaryDirectory directory;
  const std::string path = (directory.path() / "packed").string();
  const auto read = [&](RandomStream& random) {
    std::string file = damaged(random, seed);
    if (random.below(2) == 0) make_right(random, file);
    write(path, file);
    const PackedFile packed(path);
    std::vector<uint8_t> buffer;
    for (int64_t image = 0; image < packed.count(); ++image) {
      CHECK(packed.place(image).size() > path.size());
      CHECK(packed.entry(image).part <= 2);
      packed.content(image, buffer);
    }
  };
  fuzz(read, {ErrorKind::data});
}

}  // namespace
}  // namespace amcl
