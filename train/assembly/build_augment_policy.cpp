#include "train/assembly/build_augment_policy.h"

namespace amcl {

AugmentPolicy build_augment_policy(const AugmentConfig& config) {
  return {.crop_scale = config.crop_scale,
          .crop_ratio = config.crop_ratio,
          .interpolation = interpolation_named(config.interpolation),
          .flip = config.flip,
          .jitter = config.jitter,
          .jitter_strength = config.jitter_strength,
          .grayscale = config.grayscale,
          .blur = config.blur.value_or(0.0),
          .blur_sigma = config.blur_sigma,
          .solarize = config.solarize};
}

}  // namespace amcl
