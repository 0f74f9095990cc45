// safetensors files: u64 header length, JSON header, raw little-endian data. Reads as strictly as
// the reference reader (no holes, no overlap, exact sizes, no overflow) and stricter (duplicate
// names are refused); writes atomically.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace amcl {

struct SafetensorsEntry {
  std::string dtype;           // "F32", "F64", "I64", ... as in the file
  std::vector<int64_t> shape;  // [] is a scalar
  std::vector<std::byte> data;

  int64_t count() const;
  // The elements as T = double, float, int64_t, int32_t or uint8_t. Any dtype converts to double
  // and float; integer dtypes convert to an integer T that holds the values. Throws Error(data)
  // otherwise.
  template <class T>
  std::vector<T> values() const;
  // dtype follows T (F64, F32, I64, I32, U8).
  template <class T>
  static SafetensorsEntry from(const std::vector<int64_t>& shape, const std::vector<T>& values);
};

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, SafetensorsEntry> tensors;
};

// Errors: Error(missing) if there is no such file, Error(io) if it cannot be read, Error(data)
// naming the path and what is wrong with its content. If the metadata holds "crc32c", it must
// match: CRC-32C over the JSON header, with the eight hex digits of that value as zeros, and the
// data.
SafetensorsFile read_safetensors(const std::string& path);

// The metadata alone, from the header; neither data nor CRC are looked at.
std::map<std::string, std::string> read_safetensors_metadata(const std::string& path);

// Writes as AtomicFile does: the old file stays intact on any error (Error(io)). Adds "format":
// "pt" and, if with_crc, "crc32c" to the metadata.
void write_safetensors(const std::string& path, const SafetensorsFile& file, bool with_crc);

}  // namespace amcl
