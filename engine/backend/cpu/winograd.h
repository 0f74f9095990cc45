// 3 x 3 convolutions of stride 1 by Winograd's minimal filtering (Winograd 1980; Lavin and Gray,
// "Fast algorithms for convolutional neural networks", CVPR 2016), F(4x4, 3x3) and, for the weight
// gradient, F(3x3, 4x4):
//
//   forward, data gradient   y = A^T [ (G w G^T) * (B^T x B) ] A    per tile of 4 x 4 outputs
//   weight gradient         dw = A'^T [ (G' dy G'^T) * (B^T x B) ] A'   summed over the tiles
//
// with * at each of 6 x 6 points. Over channels * is a matrix product, so that 36 products per tile
// replace 144. The finite points are 0, +-sqrt(2), +-1/sqrt(2): with them the result in f32 is off
// by at most about 3e-6 of its largest element at 256 channels, a fifth of the error of the usual
// 0, +-1, +-2 and near that of the direct sum.
//
// Activations stay [N, H, W, C]: a worker takes a block of tiles, brings it to the points, multiplies
// and brings it back while everything is in its cache.
#pragma once
#include "engine/backend/cpu/conv_epilogue.h"
#include "engine/backend/cpu/conv_shape.h"
#include "engine/backend/cpu/scratch.h"

namespace amcl {

// Whether the convolution has the form.
bool winograd_fits(const ConvShape& shape);
// Whether it has channels enough for the products to outweigh the transformations.
bool winograd_pays(const ConvShape& shape);

void winograd_forward(const ConvShape& shape, const float* x, const float* w,
                      const ConvEpilogue& epilogue, float* y, Scratch& scratch);
void winograd_data_gradient(const ConvShape& shape, const float* dy, const float* w, float* dx,
                            Scratch& scratch);
void winograd_weight_gradient(const ConvShape& shape, const float* x, const float* dy, float* dw,
                              Scratch& scratch);

}  // namespace amcl
