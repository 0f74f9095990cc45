// A file that may be compressed by gzip: reads what it holds either way.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace amcl {

class GzipFile {
 public:
  // Errors as File::open_for_reading.
  explicit GzipFile(const std::string& path);

  const std::string& path() const { return path_; }
  bool compressed() const { return compressed_; }
  // No more bytes than this can follow from the file's size: deflate packs at most 1032 into one.
  int64_t most_bytes() const { return most_bytes_; }
  // Fills `bytes`. Error(data) if the content ends before or its checksum is wrong.
  void read(std::span<uint8_t> bytes);
  // Fills the front of `bytes`, up to 1 GiB; returns its length, 0 at the end. Error(data) if the
  // content or its checksum is wrong.
  size_t read_some(std::span<uint8_t> bytes);
  // Whether everything has been read. Error(data) if the checksum is wrong.
  bool at_end();

 private:
  struct Close {
    void operator()(void* handle) const;
  };

  std::string path_;
  bool compressed_ = false;
  int64_t most_bytes_ = 0;
  std::unique_ptr<void, Close> handle_;
};

}  // namespace amcl
