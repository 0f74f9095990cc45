// Backend::augment of the cpu backend: lays out the working memory once per call and fills the
// table of resized columns per view; augment_kernels.cpp does the arithmetic. The definition is
// engine/backend/plain/augment.cpp.
#include <algorithm>
#include <cstdint>

#include "engine/backend/augment_filters.h"
#include "engine/backend/cpu/augment_kernels.h"
#include "engine/backend/cpu/cpu_backend.h"

namespace amcl {
namespace {

int64_t round_up(int64_t count) {
  return (count + kAugmentOverrun - 1) / kAugmentOverrun * kAugmentOverrun;
}

// The next address at which an aligned vector may begin; less than kAugmentOverrun floats further on.
float* aligned(float* block) {
  constexpr uintptr_t kBytes = kAugmentOverrun * sizeof(float);
  return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(block) + kBytes - 1) / kBytes *
                                  kBytes);
}

// The most taps that any of the views needs, in either direction.
int64_t most_taps(std::span<const ViewParameters> views, int64_t height, int64_t width) {
  int64_t taps = 1;
  for (const ViewParameters& view : views)
    taps = std::max({taps, resized_rows(view, height).filter.max_taps(),
                     resized_columns(view, width).filter.max_taps()});
  return taps;
}

// Owns the memory that an AugmentWorkspace points into: of one call, because several loader threads
// augment at the same time.
class WorkspaceOwner {
 public:
  WorkspaceOwner(ScratchPool& pool, int64_t image_width, int64_t height, int64_t width,
                 int64_t max_taps)
      : scratch_(pool) {
    // The blur works on four vectors at a time, which may begin with the last pixel of a plane.
    const int64_t plane_pitch = round_up(height * width) + 4 * kAugmentOverrun;
    const int64_t source_row = round_up(3 * image_width) + kAugmentOverrun;
    const int64_t resized_row = 3 * round_up(width) + kAugmentOverrun;
    const int64_t padded_row = round_up(3 * width) + kAugmentOverrun;
    const int64_t row_pitch = round_up(width) + 4 * kAugmentOverrun;
    const int64_t weights = round_up(std::max({max_taps, height, width}));
    const int64_t columns = max_taps * width;
    static_assert(sizeof(int32_t) == sizeof(float));
    const int64_t pixels = kAugmentRows * 4 * image_width;
    float* next = aligned(scratch_.floats(kAugmentOverrun + 6 * plane_pitch +
                                          kAugmentRows * source_row + pixels + resized_row +
                                          padded_row + 3 * row_pitch + weights + columns + width));
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
    workspace_.source_pitch = source_row;
    workspace_.rows = take(kAugmentRows * source_row);
    workspace_.pixels = take(pixels);
    workspace_.resized_row = take(resized_row);
    workspace_.padded_row = take(padded_row);
    workspace_.row_pitch = row_pitch;
    workspace_.blurred_rows = take(3 * row_pitch);
    workspace_.weights = take(weights);
    workspace_.column_weights = take(columns);
    workspace_.column_first = reinterpret_cast<int32_t*>(take(width));
  }

  // The resize of the columns; a flip is the same table from right to left.
  void set_columns(const ViewParameters& view) {
    const ResizedAxis axis = resized_columns(view, workspace_.width);
    workspace_.column_pitch = axis.filter.max_taps();
    workspace_.taps = 1;
    for (int64_t x = 0; x < workspace_.width; ++x) {
      const ResizeFilter::Window window = axis.filter.window(x + axis.offset);
      workspace_.taps = std::max(workspace_.taps, window.taps);
      const int64_t column = view.flip ? workspace_.width - 1 - x : x;
      float* weights = column_weights(column);
      for (int64_t tap = 0; tap < window.taps; ++tap)
        weights[tap] = axis.filter.weight(window, tap);
      std::fill(weights + window.taps, column_weights(column + 1), 0.0f);
      workspace_.column_first[column] = static_cast<int32_t>(window.first);
    }
    // All columns take as many taps as the widest. At the right border of the crop they begin
    // earlier instead, with weights of 0, so that nothing outside the crop is read.
    for (int64_t column = 0; column < workspace_.width; ++column) {
      int32_t& first = workspace_.column_first[column];
      const int64_t beyond = first + workspace_.taps - view.width;
      if (beyond <= 0) continue;
      float* end = column_weights(column) + workspace_.taps;
      std::rotate(column_weights(column), end - beyond, end);
      first -= static_cast<int32_t>(beyond);
    }
  }

  const AugmentWorkspace& get() const { return workspace_; }

 private:
  float* column_weights(int64_t column) {
    return workspace_.column_weights + column * workspace_.column_pitch;
  }

  ScratchPool::Lease scratch_;
  AugmentWorkspace workspace_;
};

}  // namespace

void CpuBackend::augment(const Tensor& images, std::span<const ViewParameters> views,
                         const ImageNormalization& normalization, Tensor& y) {
  const int64_t height = y.dim(1);
  const int64_t width = y.dim(2);
  const int64_t image_width = images.dim(2);
  const int64_t image_values = images.dim(1) * image_width * 3;
  WorkspaceOwner workspace(augment_scratch_, image_width, height, width,
                           most_taps(views, height, width));
  float* out = y.data<float>();
  for (const ViewParameters& parameters : views) {
    workspace.set_columns(parameters);
    const uint8_t* image = images.data<uint8_t>() + parameters.image * image_values;
    augment_view({image, image_width, parameters, normalization, out}, workspace.get());
    out += height * width * 3;
  }
}

}  // namespace amcl
