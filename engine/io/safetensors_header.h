// The JSON header of a safetensors file: parsed with every check that the reference reader makes
// and some more, and written in the canonical form.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace amcl {

struct SafetensorsHeader {
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
    int64_t begin = 0;  // bytes from the start of the data
    int64_t end = 0;
  };

  std::map<std::string, std::string> metadata;
  std::vector<Tensor> tensors;  // in the order of the data
};

// The reference reader's limit on the bytes of a header.
inline constexpr int64_t kMaxSafetensorsHeader = 100'000'000;

// Bytes per element; 0 for a dtype that we do not know.
int64_t safetensors_element_size(std::string_view dtype);

// `json` without the length word before it. The tensors must cover the `data_bytes` bytes exactly,
// without hole or overlap. Throws Error(data) naming `path` and what is wrong.
SafetensorsHeader parse_safetensors_header(std::string_view json, int64_t data_bytes,
                                           const std::string& path);

// JSON without white space, metadata first, then the tensors in their order; padded with spaces so
// that the data begins at a multiple of 8. Bytes that are not UTF-8 become U+FFFD.
std::string format_safetensors_header(const SafetensorsHeader& header);

}  // namespace amcl
