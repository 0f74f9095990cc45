#include "tests/data/decoded.h"

#include <doctest/doctest.h>

#include "engine/core/check.h"

namespace amcl {

std::span<const uint8_t> bytes_of(const std::string& file) {
  return {reinterpret_cast<const uint8_t*>(file.data()), file.size()};
}

Whole decode(const std::string& file) {
  ImageDecoder decoder;
  DecodedImage image;
  decoder.decode(bytes_of(file), image);
  image.pixels.resize(image.bytes());
  return {{image.box.height, image.box.width}, image.pixels};
}

std::string refusal(const std::string& file) {
  try {
    decode(file);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::data);
    return error.what();
  }
  return "no error";
}

}  // namespace amcl
