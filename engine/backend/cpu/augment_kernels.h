// One augmented view, for the instruction set of this CPU. The working image is planar: red, green
// and blue one after the other, so that every stage is a loop over whole vectors; at 32 x 32 all of
// it lies in the first-level cache.
#pragma once
#include <cstdint>

#include "engine/backend/op_specs.h"

namespace amcl {

// Vectors may read and write this many floats past a row or a plane.
inline constexpr int64_t kAugmentOverrun = 16;

// Working memory of one thread; augment.cpp lays it out and fills the table of columns per view.
struct AugmentWorkspace {
  int64_t height = 0;  // of the views
  int64_t width = 0;
  int64_t plane_pitch = 0;      // floats from one plane to the next
  float* planes = nullptr;      // [3, plane_pitch]
  float* blurred = nullptr;     // [3, plane_pitch]
  float* row = nullptr;         // one source row, mixed: [3 crop width], pixels interleaved
  float* padded_row = nullptr;  // one row of a plane with its reflected border: [3 width]
  float* weights = nullptr;     // of one row of the resize, or of the blur
  // Column x of a view is the sum over taps t of column_weights[t, x] * row[column_places[t, x]];
  // the places are those of the red value. Padded to column_pitch with weight 0 and place 0.
  int64_t taps = 0;
  int64_t column_pitch = 0;
  float* column_weights = nullptr;   // [taps, column_pitch]
  int32_t* column_places = nullptr;  // [taps, column_pitch]
};

struct AugmentView {
  const uint8_t* image;  // [H, image_width, 3]
  int64_t image_width;
  const ViewParameters& parameters;
  const ImageNormalization& normalization;
  float* y;  // [height, width, 3]
};

void augment_view(const AugmentView& view, const AugmentWorkspace& workspace);

}  // namespace amcl
