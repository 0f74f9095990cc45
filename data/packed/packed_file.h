// Reads a packed set (data/packed/packed_format.h). The index is kept in memory, images are read
// when they are wanted. They are not mapped: of a file that is cut or a disk that fails while it is
// in use, a read gives an error, and a mapping a signal that ends the process.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/decode/decode.h"
#include "data/image_files.h"
#include "data/packed/packed_format.h"
#include "engine/io/file.h"

namespace amcl {

// Whether the file begins as a packed set does; false if it cannot be read.
bool is_packed_file(const std::string& path);

class PackedFile final : public ImageFiles {
 public:
  // Checks header and index. Error(data) that says what is wrong with the file; else as File.
  explicit PackedFile(const std::string& path);

  int64_t count() const override { return static_cast<int64_t>(header_.images); }
  std::string name(int64_t index) const override;
  std::string place(int64_t index) const override;
  // Error(data) with the place, unless the image is what its CRC says, which is looked at when it
  // is read for the first time; Error(data) too if the file has become shorter.
  ImageContent content(int64_t index, std::vector<uint8_t>& buffer) const override;
  uint64_t stamp(int64_t index) const override { return entry(index).image_crc; }
  ImageExtent known_extent(int64_t index) const override {
    return {entry(index).height, entry(index).width};
  }

  const PackedHeader& header() const { return header_; }
  PackedEntry entry(int64_t index) const;
  const std::string& set_name() const { return set_name_; }
  const std::string& layout() const { return layout_; }
  const std::vector<std::string>& class_names() const { return class_names_; }

 private:
  uint64_t name_begin(int64_t index) const;
  void read_header();
  void read_index();
  void check_entries() const;
  void check_names() const;
  void read_texts();

  File file_;
  PackedHeader header_;
  std::vector<std::byte> index_;
  size_t names_offset_ = 0;  // of the bytes of names, in the index
  std::string set_name_;
  std::string layout_;
  std::vector<std::string> class_names_;
  std::unique_ptr<std::atomic<uint8_t>[]> intact_;  // images whose CRC has been found right
};

}  // namespace amcl
