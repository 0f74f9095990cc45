// Backend::augment of the cpu backend: lays out the working memory once per call and fills the
// table of resized columns per view; augment_kernels.cpp does the arithmetic. The definition is
// engine/backend/plain/augment.cpp.
#include <algorithm>
#include <vector>

#include "engine/backend/augment_filters.h"
#include "engine/backend/cpu/augment_kernels.h"
#include "engine/backend/cpu/cpu_backend.h"

namespace amcl {
namespace {

int64_t round_up(int64_t count) {
  return (count + kAugmentOverrun - 1) / kAugmentOverrun * kAugmentOverrun;
}

// Owns the blocks that an AugmentWorkspace points into. From the heap, once per call: several
// loader threads augment at the same time, each in memory of its own.
class WorkspaceOwner {
 public:
  WorkspaceOwner(int64_t image_width, int64_t image_height, int64_t height, int64_t width) {
    const int64_t max_taps = std::max(ResizeFilter(image_width, width).max_taps(),
                                      ResizeFilter(image_height, height).max_taps());
    const int64_t plane_pitch = round_up(height * width) + kAugmentOverrun;
    const int64_t column_pitch = round_up(width);
    const int64_t row = round_up(3 * image_width) + kAugmentOverrun;
    const int64_t padded_row = round_up(3 * width) + kAugmentOverrun;
    const int64_t weights = round_up(std::max({max_taps, height, width}));
    const int64_t columns = max_taps * column_pitch;
    floats_.resize(static_cast<size_t>(6 * plane_pitch + row + padded_row + weights + columns));
    places_.resize(static_cast<size_t>(columns));
    float* next = floats_.data();
    const auto take = [&next](int64_t count) {
      float* block = next;
      next += count;
      return block;
    };
    workspace_.height = height;
    workspace_.width = width;
    workspace_.plane_pitch = plane_pitch;
    workspace_.planes = take(3 * plane_pitch);
    workspace_.blurred = take(3 * plane_pitch);
    workspace_.row = take(row);
    workspace_.padded_row = take(padded_row);
    workspace_.weights = take(weights);
    workspace_.column_pitch = column_pitch;
    workspace_.column_weights = take(columns);
    workspace_.column_places = places_.data();
  }

  // The resize of `crop_width` columns; a flip is the same table from right to left.
  void set_columns(int64_t crop_width, bool flip) {
    const ResizeFilter filter(crop_width, workspace_.width);
    const int64_t used = filter.max_taps() * workspace_.column_pitch;
    std::fill_n(workspace_.column_weights, used, 0.0f);
    std::fill_n(workspace_.column_places, used, 0);
    workspace_.taps = 0;
    for (int64_t x = 0; x < workspace_.width; ++x) {
      const ResizeFilter::Window window = filter.window(x);
      workspace_.taps = std::max(workspace_.taps, window.taps);
      const int64_t column = flip ? workspace_.width - 1 - x : x;
      for (int64_t tap = 0; tap < window.taps; ++tap) {
        const int64_t entry = tap * workspace_.column_pitch + column;
        workspace_.column_weights[entry] = filter.weight(window, tap);
        workspace_.column_places[entry] = static_cast<int32_t>(3 * (window.first + tap));
      }
    }
  }

  const AugmentWorkspace& get() const { return workspace_; }

 private:
  std::vector<float> floats_;
  std::vector<int32_t> places_;
  AugmentWorkspace workspace_;
};

}  // namespace

void CpuBackend::augment(const Tensor& images, std::span<const ViewParameters> views,
                         const ImageNormalization& normalization, Tensor& y) {
  const int64_t image_height = images.dim(1);
  const int64_t image_width = images.dim(2);
  WorkspaceOwner workspace(image_width, image_height, y.dim(1), y.dim(2));
  float* out = y.data<float>();
  for (const ViewParameters& parameters : views) {
    workspace.set_columns(parameters.width, parameters.flip);
    const uint8_t* image =
        images.data<uint8_t>() + parameters.image * image_height * image_width * 3;
    augment_view({image, image_width, parameters, normalization, out}, workspace.get());
    out += y.dim(1) * y.dim(2) * 3;
  }
}

}  // namespace amcl
