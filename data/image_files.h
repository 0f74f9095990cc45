// Images that stay in files until they are wanted, so that a set may be larger than memory.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/decode/decode.h"
#include "data/decode/decode_memory.h"

namespace amcl {

// No encoded image of allowed extents needs more.
inline constexpr int64_t kMostImageFileBytes = int64_t{1} << 30;

// All functions may be called from several threads at once.
class ImageFiles {
 public:
  virtual ~ImageFiles() = default;

  virtual int64_t count() const = 0;
  // Of one image inside the set, without the place of the set: what a fingerprint and a split by
  // hash depend on.
  virtual std::string name(int64_t index) const = 0;
  // For messages: where the image is.
  virtual std::string place(int64_t index) const = 0;
  // The image; in `buffer`, whose memory is reused, or in memory of the set. Errors: missing or io
  // with the place; data, if it is no regular file.
  virtual ImageContent content(int64_t index, std::vector<uint8_t>& buffer) const = 0;
  // Differs once the content does, without reading it: by size and time of the last change, or a
  // CRC that is known. 0 if the image is not there or nothing is known of it.
  virtual uint64_t stamp(int64_t /*index*/) const { return 0; }
  // Zeros where only the image itself says it.
  virtual ImageExtent known_extent(int64_t /*index*/) const { return {}; }
  // What all share who decode images of the set.
  DecodeMemory& decode_memory() const { return decode_memory_; }

 private:
  mutable DecodeMemory decode_memory_;
};

// What ImageFiles::stamp() gives for a file that holds images.
uint64_t stamp_of_file(const std::string& path);

// Files of a directory by their names inside it.
class DirectoryFiles final : public ImageFiles {
 public:
  DirectoryFiles(std::string directory, std::vector<std::string> names);

  int64_t count() const override { return std::ssize(names_); }
  std::string name(int64_t index) const override { return names_[static_cast<size_t>(index)]; }
  std::string place(int64_t index) const override;
  ImageContent content(int64_t index, std::vector<uint8_t>& buffer) const override;
  uint64_t stamp(int64_t index) const override;

 private:
  std::string directory_;
  std::vector<std::string> names_;
};

// Some images of another set, in the order of `indices`.
class SelectedFiles final : public ImageFiles {
 public:
  SelectedFiles(std::shared_ptr<const ImageFiles> files, std::vector<int64_t> indices)
      : files_(std::move(files)), indices_(std::move(indices)) {}

  int64_t count() const override { return std::ssize(indices_); }
  std::string name(int64_t index) const override { return files_->name(source(index)); }
  std::string place(int64_t index) const override { return files_->place(source(index)); }
  ImageContent content(int64_t index, std::vector<uint8_t>& buffer) const override {
    return files_->content(source(index), buffer);
  }
  uint64_t stamp(int64_t index) const override { return files_->stamp(source(index)); }
  ImageExtent known_extent(int64_t index) const override {
    return files_->known_extent(source(index));
  }

 private:
  int64_t source(int64_t index) const { return indices_[static_cast<size_t>(index)]; }

  std::shared_ptr<const ImageFiles> files_;
  std::vector<int64_t> indices_;
};

}  // namespace amcl
