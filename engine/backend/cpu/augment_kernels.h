// One augmented view, for the instruction set of this CPU. The working image is planar: red, green
// and blue one after the other, so that every colour stage is a loop over whole vectors. It is made
// and coloured in bands of about kAugmentBand pixels, which stay in the first-level cache from the
// resize to the last stage before something needs the whole image (the mean of the contrast, the
// neighbours of the blur).
#pragma once
#include <cstdint>

#include "engine/backend/op_specs.h"

namespace amcl {

// Vectors may read and write this many floats past a row or a plane.
inline constexpr int64_t kAugmentOverrun = 16;
// Pixels of a band; whole vectors. 12 KiB in three planes of f32.
inline constexpr int64_t kAugmentBand = 1024;
// Rows of a view that are resized at once, at most.
inline constexpr int64_t kAugmentRows = kAugmentOverrun / 4;

// Working memory of one thread; augment.cpp lays it out and fills the table of columns per view.
struct AugmentWorkspace {
  int64_t height = 0;  // of the views
  int64_t width = 0;
  int64_t plane_pitch = 0;   // floats from one plane to the next
  float* planes = nullptr;   // [3, plane_pitch]
  float* blurred = nullptr;  // [3, plane_pitch]
  // Rows of the view before their columns are resized: [kAugmentRows, source_pitch], of which the
  // first 3 crop width are interleaved pixels; and the same column by column: [crop width, rows, 4].
  int64_t source_pitch = 0;
  float* rows = nullptr;
  float* pixels = nullptr;        // aligned as vectors are
  float* resized_row = nullptr;   // one row of the view: [3 width], pixels interleaved
  float* padded_row = nullptr;    // one row of a plane with its reflected border: [3 width]
  float* blurred_rows = nullptr;  // one row of each plane: [3, row_pitch]
  int64_t row_pitch = 0;
  float* weights = nullptr;  // of one row of the resize, or of the blur
  // Column x of a view is the sum over t < taps of
  // column_weights[x, t] * row[column_first[x] + t]; all of these pixels lie inside the crop.
  int64_t taps = 0;
  int64_t column_pitch = 0;
  float* column_weights = nullptr;  // [width, column_pitch]
  int32_t* column_first = nullptr;  // [width]
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
