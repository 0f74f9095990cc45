// Convolutions of any window, stride and padding as matrix products over pixels where they lie: the
// left factor's rows are pointers to the pixels of [N, H, W, C] that a window reads (zeros outside
// the image), so that nothing is copied. Where a pixel has too few channels for that (the stem of a
// network), the windows of a block are copied together first.
//
// The data gradient of stride s is s * s convolutions of stride 1, one for each residue of (h, w),
// each with the taps that reach it.
#pragma once
#include "engine/backend/cpu/conv_epilogue.h"
#include "engine/backend/cpu/conv_shape.h"
#include "engine/backend/cpu/scratch.h"

namespace amcl {

void direct_forward(const ConvShape& shape, const float* x, const float* w,
                    const ConvEpilogue& epilogue, float* y, Scratch& scratch);
void direct_data_gradient(const ConvShape& shape, const float* dy, const float* w, float* dx,
                          Scratch& scratch);
void direct_weight_gradient(const ConvShape& shape, const float* x, const float* dy, float* dw,
                            Scratch& scratch);

}  // namespace amcl
