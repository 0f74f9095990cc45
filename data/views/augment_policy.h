// Which random views are drawn. Parameters are drawn on the host per (seed, epoch, sample, view),
// so that every device and any number of workers sees the same ones; Backend::augment applies them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/backend/op_specs.h"
#include "engine/core/setting.h"

namespace amcl {

// "bilinear", "bicubic": the values of the setting. Error(usage) for another name.
std::string name_of(Interpolation interpolation);
Interpolation interpolation_named(const std::string& name);

struct AugmentPolicy {
  std::array<double, 2> crop_scale = {0.08, 1.0};             // share of the area; {1, 1}: no crop
  std::array<double, 2> crop_ratio = {3.0 / 4.0, 4.0 / 3.0};  // width / height, log-uniform
  Interpolation interpolation = Interpolation::bilinear;
  ViewProbability flip = 0.5;
  ViewProbability jitter = 0.8;
  std::array<double, 4> jitter_strength = {0.4, 0.4, 0.4,
                                           0.1};  // brightness, contrast, saturation, hue
  ViewProbability grayscale = 0.2;
  std::optional<ViewProbability> blur = {};       // empty: none, until usual_blur takes its place
  std::array<double, 2> blur_sigma = {0.1, 2.0};  // pixels, uniform
  ViewProbability solarize = 0.0;

  // The parameters of view 0 or 1 of an image of `height` x `width`; `image` is stored in the
  // result.
  ViewParameters draw(uint64_t seed, uint32_t epoch, int64_t image, uint32_t view, int64_t height,
                      int64_t width) const;
  // Throws Error(usage) naming the field, its value and the range, if a field is out of range.
  void validate() const;
  void visit_settings(const SettingVisitor& visitor);
};

// A half above 64 pixels, as in SimCLR; none of smaller views.
double usual_blur(int64_t view_side);

// The whole image, unchanged: for evaluation.
ViewParameters identity_view(int64_t image, int64_t height, int64_t width);

// torchvision's Resize(resize), CenterCrop(size): the shorter side to `resize` pixels, and of that
// the square of `size` pixels in the middle. ImageNet's is 224 of 256.
struct EvaluationTransform {
  int64_t size = 224;
  int64_t resize = 256;  // at least `size`
  Interpolation interpolation = Interpolation::bilinear;
};
ViewParameters evaluation_view(int64_t image, int64_t height, int64_t width,
                               const EvaluationTransform& transform);

}  // namespace amcl
