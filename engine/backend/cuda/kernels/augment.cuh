// A random view of an image: crop, resize, flip, colour jitter, grayscale, blur, solarize,
// normalise, in f32 between the stages. The meaning is that of engine/backend/plain/augment.cpp;
// filters and colours are the same code (engine/backend/augment_filters.h, color_formulas.h).
//
// A block takes one view at a time, and its threads the pixels; the planes between the stages are
// scratch of the block in memory, which stays in the second-level cache (32 x 32: 37 KB a block).
// Bytes from memory: the crop in u8, the view in f32. FLOPs of a 32 x 32 view: about 40 k for the
// resize, 80 k for a blur with radius 6, 20 k for the rest. 1024 views: 0.15 GFLOP and 16 MB, 4 us
// as the floor; latency between the stages is what costs.
#pragma once
#include <cmath>

#include "engine/backend/augment_filters.h"
#include "engine/backend/color_formulas.h"
#include "engine/backend/cuda/kernels/common.cuh"
#include "engine/backend/op_specs.h"

namespace amcl::cuda {

struct AugmentExtents {
  int64_t views;
  int64_t image_height;
  int64_t image_width;
  int64_t height;  // of the views
  int64_t width;

  // Floats of scratch of a block: the crop with its columns resized, two views, the blur's weights.
  AMCL_HOST_DEVICE int64_t wide_floats() const { return image_height * width * 3; }
  AMCL_HOST_DEVICE int64_t view_floats() const { return height * width * 3; }
  AMCL_HOST_DEVICE int64_t scratch_floats() const {
    return wide_floats() + 2 * view_floats() + (height > width ? height : width);
  }
};

// Calls body(i) for i below count, shared out to the threads of the block: the same i to the same
// thread each time, so that stages which work pixel by pixel need no barrier between them.
template <class Body>
__device__ void for_each_of_block(int64_t count, Body body) {
  for (int64_t i = threadIdx.x; i < count; i += kBlockThreads) body(i);
}

// wide [crop height, width, 3] from the crop, from right to left where the view is flipped.
__device__ inline void crop_columns(const AugmentExtents& e, const uint8_t* image,
                                    const ViewParameters& view, float* wide) {
  const ResizedAxis axis = resized_columns(view, e.width);
  for_each_of_block(view.height * e.width, [&](int64_t i) {
    const int64_t x = i % e.width;
    const int64_t y = i / e.width;
    const ResizeFilter::Window window = axis.filter.window(x + axis.offset);
    float sums[3] = {};
    for (int64_t tap = 0; tap < window.taps; ++tap) {
      const float weight = axis.filter.weight(window, tap);
      const int64_t column = view.left + window.first + tap;
      const uint8_t* pixel = image + ((view.top + y) * e.image_width + column) * 3;
      for (int c = 0; c < 3; ++c) sums[c] += weight * (static_cast<float>(pixel[c]) / 255.0f);
    }
    const int64_t target = view.flip ? e.width - 1 - x : x;
    for (int c = 0; c < 3; ++c) wide[(y * e.width + target) * 3 + c] = sums[c];
  });
}

__device__ inline void crop_rows(const AugmentExtents& e, const ViewParameters& view,
                                 const float* wide, float* out) {
  const ResizedAxis axis = resized_rows(view, e.height);
  for_each_of_block(e.height * e.width, [&](int64_t i) {
    const ResizeFilter::Window window = axis.filter.window(i / e.width + axis.offset);
    float sums[3] = {};
    for (int64_t tap = 0; tap < window.taps; ++tap) {
      const float weight = axis.filter.weight(window, tap);
      const float* pixel = wide + ((window.first + tap) * e.width + i % e.width) * 3;
      for (int c = 0; c < 3; ++c) sums[c] += weight * pixel[c];
    }
    // A bicubic filter reaches beyond its inputs.
    for (int c = 0; c < 3; ++c) out[i * 3 + c] = clamp_to_unit(sums[c]);
  });
}

__device__ inline void blend_pixel(float* pixel, float factor, float other) {
  for (int c = 0; c < 3; ++c) pixel[c] = blend(factor, pixel[c], other);
}

// The colour operations in the view's order. Only the mean gray of `contrast` brings threads
// together.
__device__ inline void jitter_view(int64_t pixels, const ViewParameters& view, float* values) {
  for (int at = 0; at < 4; ++at) {
    const ColorOp op = view.order[static_cast<size_t>(at)];
    float gray = 0.0f;  // of the whole view
    if (op == ColorOp::contrast) {
      double sum = 0.0;
      for_each_of_block(pixels,
                        [&](int64_t i) { sum += static_cast<double>(luma(values + i * 3)); });
      gray = static_cast<float>(team_sum<kBlockThreads>(sum) / static_cast<double>(pixels));
    }
    for_each_of_block(pixels, [&](int64_t i) {
      float* pixel = values + i * 3;
      switch (op) {
        case ColorOp::brightness:
          return blend_pixel(pixel, view.brightness, 0.0f);
        case ColorOp::contrast:
          return blend_pixel(pixel, view.contrast, gray);
        case ColorOp::saturation:
          return blend_pixel(pixel, view.saturation, luma(pixel));
        case ColorOp::hue:
          return rotate_hue(pixel, view.hue);
      }
    });
  }
}

// Blurs along one axis of `extent` pixels, neighbours `step` pixels apart. Begins with a barrier:
// it reads what other threads wrote.
__device__ inline void blur_axis(int64_t pixels, int64_t extent, int64_t step, float sigma,
                                 float* weights, const float* in, float* out) {
  const int64_t radius = blur_radius(sigma, extent);
  __syncthreads();
  if (threadIdx.x == 0) blur_weights(sigma, radius, weights);
  __syncthreads();
  for_each_of_block(pixels, [&](int64_t i) {
    const int64_t place = i / step % extent;
    float sums[3] = {};
    for (int64_t k = -radius; k <= radius; ++k) {
      const float weight = weights[k < 0 ? -k : k];
      const float* pixel = in + (i + (reflect(place + k, extent) - place) * step) * 3;
      for (int c = 0; c < 3; ++c) sums[c] += weight * pixel[c];
    }
    for (int c = 0; c < 3; ++c) out[i * 3 + c] = sums[c];
  });
}

// images [n, H, W, 3] u8, views [steps, views] -> y [views, height, width, 3], of step *step or of the
// only one if that is null; scratch_floats() of scratch for each block.
static __global__ void __launch_bounds__(kBlockThreads)
    augment_kernel(AugmentExtents e, const uint8_t* images, const ViewParameters* views,
                   const int32_t* step, ImageNormalization normalization, float* scratch,
                   float* y) {
  if (step != nullptr) views += *step * e.views;
  float* wide = scratch + blockIdx.x * e.scratch_floats();
  float* values = wide + e.wide_floats();
  float* blurred = values + e.view_floats();
  float* weights = blurred + e.view_floats();
  const int64_t pixels = e.height * e.width;
  for (int64_t index = blockIdx.x; index < e.views; index += gridDim.x) {
    const ViewParameters& view = views[index];
    __syncthreads();  // before this view overwrites the scratch of the one before
    crop_columns(e, images + view.image * e.image_height * e.image_width * 3, view, wide);
    __syncthreads();
    crop_rows(e, view, wide, values);
    if (view.jitter) jitter_view(pixels, view, values);
    if (view.grayscale)
      for_each_of_block(pixels, [&](int64_t i) {
        const float gray = luma(values + i * 3);
        for (int c = 0; c < 3; ++c) values[i * 3 + c] = gray;
      });
    if (view.blur_sigma > 0.0f) {
      blur_axis(pixels, e.width, 1, view.blur_sigma, weights, values, blurred);
      blur_axis(pixels, e.height, e.width, view.blur_sigma, weights, blurred, values);
    }
    if (view.solarize)
      for_each_of_block(pixels, [&](int64_t i) {
        for (float* value = values + i * 3; value < values + i * 3 + 3; ++value)
          if (*value >= 0.5f) *value = 1.0f - *value;
      });
    for_each_of_block(pixels, [&](int64_t i) {
      for (size_t c = 0; c < 3; ++c)
        y[(index * pixels + i) * 3 + static_cast<int64_t>(c)] =
            (values[i * 3 + static_cast<int64_t>(c)] - normalization.mean[c]) /
            normalization.deviation[c];
    });
  }
}

// One thread. *step to the next of `steps`, in a circle: a launch of its own, because every block of
// augment_kernel reads the step.
static __global__ void next_step_kernel(int32_t steps, int32_t* step) {
  *step = (*step + 1) % steps;
}

}  // namespace amcl::cuda
