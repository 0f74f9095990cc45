// Reads a packed set (data/packed_format.h). The file is mapped: several processes may read it, and it
// may be larger than memory.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/decode.h"
#include "data/image_files.h"
#include "data/packed_format.h"
#include "engine/io/mapped_file.h"

namespace amcl {

// Of the images, the part that a process keeps mapped in its memory; the system's cache is not counted.
inline constexpr uint64_t kMostHeldBytes = uint64_t{32} << 20;

// Whether the file begins as a packed set does; false if it cannot be read.
bool is_packed_file(const std::string& path);

class PackedFile final : public ImageFiles {
 public:
  // Checks header and index. Error(data) that says what is wrong with the file; else as File.
  explicit PackedFile(const std::string& path, uint64_t most_held_bytes = kMostHeldBytes);

  int64_t count() const override { return static_cast<int64_t>(header_.images); }
  std::string name(int64_t index) const override;
  std::string place(int64_t index) const override;
  // In the mapped memory. Error(data) with the place, unless the image is what its CRC says, which is
  // looked at when it is read for the first time.
  std::span<const uint8_t> content(int64_t index, std::vector<uint8_t>& buffer) const override;
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
  std::span<const std::byte> index() const;
  uint64_t name_begin(int64_t index) const;
  void check_header();
  void check_index();
  void check_entries() const;
  void check_names() const;
  void read_texts();
  void count_touched(uint64_t bytes) const;

  MappedFile file_;
  uint64_t most_held_bytes_;
  mutable std::atomic<uint64_t> touched_bytes_ = 0;  // of images, since the file was opened
  PackedHeader header_;
  size_t names_offset_ = 0;  // of the bytes of names, in the index
  std::string set_name_;
  std::string layout_;
  std::vector<std::string> class_names_;
  std::unique_ptr<std::atomic<uint8_t>[]> intact_;  // images whose CRC has been found right
};

}  // namespace amcl
