// The orientation in Exif data.
#pragma once
#include <cstdint>
#include <span>

#include "data/decode/decode.h"

namespace amcl {

// How stored pixels are turned to stand upright: transposed first, then mirrored.
class Orientation {
 public:
  // `exif` is the number of the Exif tag, 1 to 8; others mean 1, as stored.
  explicit Orientation(uint32_t exif = 1)
      : transposed_(exif >= 5 && exif <= 8),
        mirrored_rows_(exif == 3 || exif == 4 || exif == 6 || exif == 7),
        mirrored_columns_(exif == 2 || exif == 3 || exif == 7 || exif == 8) {}

  bool as_stored() const { return !transposed_ && !mirrored_rows_ && !mirrored_columns_; }
  // Of the upright image with these stored extents, and back: transposition is its own inverse.
  ImageExtent turned(ImageExtent extent) const {
    return transposed_ ? ImageExtent{extent.width, extent.height} : extent;
  }
  // The stored place of a box of the upright image; `stored` are the stored extents.
  ImageBox stored_box(ImageBox upright, ImageExtent stored) const;
  // The upright place of a stored box.
  ImageBox upright_box(ImageBox stored_box, ImageExtent stored) const;
  // Pixels [extent.height, extent.width, 3] as stored to upright ones.
  void turn(std::span<const uint8_t> stored, ImageExtent extent, uint8_t* upright) const;

 private:
  bool transposed_;
  bool mirrored_rows_;  // of the stored image
  bool mirrored_columns_;
};

// From a TIFF block, as in the Exif segment of a JPEG (after "Exif\0\0") and the eXIf chunk of a
// PNG. Damaged blocks mean: as stored.
Orientation read_orientation(std::span<const uint8_t> tiff);

}  // namespace amcl
