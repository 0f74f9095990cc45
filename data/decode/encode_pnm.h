// Pixels as a binary PNM image, whose content is the pixels behind a line of text.
#pragma once
#include <string>

#include "data/decode/decode.h"

namespace amcl {

// What precedes the pixels u8 [height, width, 3]: "P6 width height 255\n".
inline std::string pnm_header(ImageExtent extent) {
  return "P6 " + std::to_string(extent.width) + ' ' + std::to_string(extent.height) + " 255\n";
}

}  // namespace amcl
