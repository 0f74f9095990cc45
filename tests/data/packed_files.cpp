#include "tests/data/packed_files.h"

#include <cstring>

#include "data/sources/dataset_parts.h"
#include "engine/backend/open.h"
#include "tests/data/data_files.h"

namespace amcl {

namespace fs = std::filesystem;

PackReport pack(const fs::path& source, const fs::path& file, const PackOptions& options) {
  const std::unique_ptr<Backend> backend = open_backend("cpu");
  Packer packer(*backend, file.string(), options);
  for_each_part(*backend, source.string(), /*seed=*/1, {},
                [&](const Dataset& part, Split split) { packer.add(part, split); });
  return packer.finish();
}

std::string small_packed_file() {
  const TemporaryDirectory directory;
  write(directory.path() / "set/cat/1.ppm", "P6 2 1 255 abcdef");
  write(directory.path() / "set/cat/2.ppm", "P6 1 1 255 abc");
  write(directory.path() / "set/dog/3.pgm", "P5 1 2 255 xy");
  pack(directory.path() / "set", directory.path() / "packed");
  return bytes_of(directory.path() / "packed");
}

PackedHeader header_of(const std::string& packed) {
  PackedHeader header;
  std::memcpy(&header, packed.data(), sizeof header);
  return header;
}

void set_header(std::string& packed, PackedHeader header) {
  if (header.index_offset <= packed.size())
    header.index_crc = crc32c(std::as_bytes(std::span(packed)).subspan(header.index_offset));
  header.crc = packed_crc(header);
  std::memcpy(packed.data(), &header, sizeof header);
}

}  // namespace amcl
