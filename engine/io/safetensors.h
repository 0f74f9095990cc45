// safetensors files: u64 header length, JSON header, raw little-endian data. Reads as strictly as
// the reference reader (no holes, no overlap, exact sizes) and stricter (duplicate names are
// refused); writes atomically.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/core/dtype.h"

namespace amcl {

struct SafetensorsEntry {
  std::string dtype;           // "F32", "F64", "I64", ... as in the file
  std::vector<int64_t> shape;  // [] is a scalar
  std::vector<std::byte> data;

  int64_t count() const;
  // The elements as T = double, float, int64_t or int32_t; throws Error(data) where the dtype
  // cannot be converted.
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

// Errors: Error(missing) if there is no such file, Error(data) naming the path and what is wrong
// with it. If the metadata holds "crc32c", it must match (CRC-32C over header, with the eight hex
// digits of that value as zeros, and data).
SafetensorsFile read_safetensors(const std::string& path);

// Writes beside the path, fsyncs, renames over it and fsyncs the directory: the old file stays
// intact on any error (Error(io): disk full, not writable). Adds "format": "pt" and, if with_crc,
// "crc32c" to the metadata.
void write_safetensors(const std::string& path, const SafetensorsFile& file, bool with_crc);

}  // namespace amcl
