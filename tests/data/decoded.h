// What an image file made by a test is decoded to.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/decode/decode.h"

namespace amcl {

std::span<const uint8_t> bytes_of(const std::string& file);

struct Whole {
  ImageExtent extent;
  std::vector<uint8_t> pixels;
};

Whole decode(const std::string& file);
// The message of the Error(data) of decoding; "no error" without one.
std::string refusal(const std::string& file);

}  // namespace amcl
