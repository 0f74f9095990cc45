// How a tensor of a module stands in a checkpoint: filters as OIHW (in memory [K, R, S, C]),
// stacked heads as one tensor per head.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/core/shape.h"
#include "engine/io/safetensors.h"

namespace amcl {

// One tensor of the file, and the elements of the tensor in memory that it holds.
struct StoredTensor {
  std::string name;
  std::vector<int64_t> shape;  // in the file
  int64_t begin = 0;           // elements, in memory
  int64_t end = 0;
  bool filter = false;  // reordered
};

// `name` as visit() gives it, where '*' stands for the number of the head if `stacked`.
std::vector<StoredTensor> stored_tensors(const std::string& name, const Shape& shape, bool stacked);

// "[2, 3]", for messages: a file's shape may have any rank, unlike ours.
std::string extents_text(const std::vector<int64_t>& extents);

// `values` are all elements of the tensor in memory.
SafetensorsEntry store(const StoredTensor& stored, std::span<const float> values);
void restore(const StoredTensor& stored, const SafetensorsEntry& entry, std::span<float> values);

}  // namespace amcl
