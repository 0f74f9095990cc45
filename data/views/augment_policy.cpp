#include "data/views/augment_policy.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/core/check.h"
#include "engine/core/philox.h"

namespace amcl {
namespace {

// Where RandomResizedCrop gives up after ten tries: the largest box of an allowed ratio, centred.
void center_crop(const std::array<double, 2>& ratio, ViewParameters& view) {
  const double image_ratio = static_cast<double>(view.width) / view.height;
  const int32_t image_height = view.height;
  const int32_t image_width = view.width;
  if (image_ratio < ratio[0])
    view.height = static_cast<int32_t>(std::lrint(image_width / ratio[0]));
  else if (image_ratio > ratio[1])
    view.width = static_cast<int32_t>(std::lrint(image_height * ratio[1]));
  view.height = std::clamp(view.height, 1, image_height);
  view.width = std::clamp(view.width, 1, image_width);
  view.top = (image_height - view.height) / 2;
  view.left = (image_width - view.width) / 2;
}

// torchvision's RandomResizedCrop: area uniform, ratio uniform in its logarithm, and a new draw
// while the box does not fit. `view` holds the whole image and receives the box.
void draw_crop(RandomStream& random, const AugmentPolicy& policy, ViewParameters& view) {
  const int32_t image_height = view.height;
  const int32_t image_width = view.width;
  const double image_area = static_cast<double>(image_height) * image_width;
  const double log_low = std::log(policy.crop_ratio[0]);
  const double log_high = std::log(policy.crop_ratio[1]);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double share =
        policy.crop_scale[0] + (policy.crop_scale[1] - policy.crop_scale[0]) * random.uniform();
    const double ratio = std::exp(log_low + (log_high - log_low) * random.uniform());
    const auto width = static_cast<int64_t>(std::lrint(std::sqrt(image_area * share * ratio)));
    const auto height = static_cast<int64_t>(std::lrint(std::sqrt(image_area * share / ratio)));
    if (width < 1 || width > image_width || height < 1 || height > image_height) continue;
    view.height = static_cast<int32_t>(height);
    view.width = static_cast<int32_t>(width);
    view.top = static_cast<int32_t>(random.below(static_cast<uint32_t>(image_height - height + 1)));
    view.left = static_cast<int32_t>(random.below(static_cast<uint32_t>(image_width - width + 1)));
    return;
  }
  center_crop(policy.crop_ratio, view);
}

// torchvision's ColorJitter: factors around 1 but never negative, the hue around 0, random order.
ViewParameters draw_jitter(RandomStream& random, const std::array<double, 4>& strength,
                           ViewParameters view) {
  for (uint32_t place = 3; place > 0; --place)
    std::swap(view.order[place], view.order[random.below(place + 1)]);
  const auto factor = [&](double amount) {
    return random.uniform(static_cast<float>(std::max(0.0, 1.0 - amount)),
                          static_cast<float>(1.0 + amount));
  };
  view.brightness = factor(strength[0]);
  view.contrast = factor(strength[1]);
  view.saturation = factor(strength[2]);
  view.hue = random.uniform(static_cast<float>(-strength[3]), static_cast<float>(strength[3]));
  return view;
}

void check_probability(const char* name, const ViewProbability& probability) {
  for (const double value : probability.of)
    AMCL_CHECK(value >= 0.0 && value <= 1.0, name, ": a probability is between 0 and 1, got ",
               value);
}

std::string order_complaint(const std::array<double, 2>& range) {
  if (range[0] <= range[1]) return {};
  return concat_text("the first number must not be above the second; did you mean ", range[1], ',',
                     range[0]);
}

}  // namespace

std::string name_of(Interpolation interpolation) {
  return kInterpolationNames[static_cast<size_t>(interpolation)];
}

Interpolation interpolation_named(const std::string& name) {
  AMCL_CHECK(name == "bilinear" || name == "bicubic", "interpolation: '", name,
             "' is not known; choose bilinear or bicubic");
  return name == "bicubic" ? Interpolation::bicubic : Interpolation::bilinear;
}

double usual_blur(int64_t view_side) {
  return view_side <= 64 ? 0.0 : 0.5;
}

// Every number but the crop's is drawn whether it is used or not, and the crop, whose number of
// tries varies, comes last: switching one augmentation off leaves the draws of the others as they
// were.
ViewParameters AugmentPolicy::draw(uint64_t seed, uint32_t epoch, int64_t image, uint32_t view,
                                   int64_t height, int64_t width) const {
  RandomStream random(seed, RandomPurpose::augmentation, epoch, static_cast<uint64_t>(image), view);
  ViewParameters result = identity_view(image, height, width);
  result.flip = random.uniform() < flip[view];
  result.jitter = random.uniform() < jitter[view];
  const ViewParameters jittered = draw_jitter(random, jitter_strength, result);
  if (result.jitter) result = jittered;
  result.grayscale = random.uniform() < grayscale[view];
  const bool blurred = random.uniform() < blur.value_or(0.0)[view];
  const float sigma =
      random.uniform(static_cast<float>(blur_sigma[0]), static_cast<float>(blur_sigma[1]));
  if (blurred) result.blur_sigma = sigma;
  result.solarize = random.uniform() < solarize[view];
  result.interpolation = interpolation;
  if (crop_scale[0] < 1.0) draw_crop(random, *this, result);
  return result;
}

void AugmentPolicy::validate() const {
  AMCL_CHECK(crop_scale[0] > 0.0 && crop_scale[0] <= crop_scale[1] && crop_scale[1] <= 1.0,
             "crop_scale: needs 0 < low <= high <= 1 (share of the area), got ", crop_scale[0], ",",
             crop_scale[1]);
  AMCL_CHECK(crop_ratio[0] > 0.0 && crop_ratio[0] <= crop_ratio[1] && std::isfinite(crop_ratio[1]),
             "crop_ratio: needs 0 < low <= high (width / height), got ", crop_ratio[0], ",",
             crop_ratio[1]);
  check_probability("flip", flip);
  check_probability("jitter", jitter);
  check_probability("grayscale", grayscale);
  check_probability("blur", blur.value_or(0.0));
  check_probability("solarize", solarize);
  static constexpr const char* kStrengthNames[] = {"brightness", "contrast", "saturation"};
  for (size_t i = 0; i < 3; ++i)
    AMCL_CHECK(jitter_strength[i] >= 0.0 && std::isfinite(jitter_strength[i]),
               "jitter_strength: ", kStrengthNames[i], " must be at least 0, got ",
               jitter_strength[i]);
  AMCL_CHECK(jitter_strength[3] >= 0.0 && jitter_strength[3] <= 0.5,
             "jitter_strength: hue must be between 0 and 0.5 turns, got ", jitter_strength[3]);
  AMCL_CHECK(blur_sigma[0] > 0.0 && blur_sigma[0] <= blur_sigma[1] && std::isfinite(blur_sigma[1]),
             "blur_sigma: needs 0 < low <= high (pixels), got ", blur_sigma[0], ",", blur_sigma[1]);
}

ViewParameters identity_view(int64_t image, int64_t height, int64_t width) {
  ViewParameters view;
  view.image = image;
  view.height = static_cast<int32_t>(height);
  view.width = static_cast<int32_t>(width);
  return view;
}

ViewParameters evaluation_view(int64_t image, int64_t height, int64_t width,
                               const EvaluationTransform& transform) {
  AMCL_CHECK(transform.size >= 1 && transform.size <= transform.resize, "evaluation: a view of ",
             transform.size, " pixels out of a resized image of ", transform.resize);
  const int64_t shorter = std::min(height, width);
  const auto resized = [&](int64_t extent) {
    return static_cast<int32_t>(transform.resize * extent / shorter);
  };
  // Halves round to even, as in Python.
  const auto offset = [&](int32_t extent) {
    return static_cast<int32_t>(std::lrint(static_cast<double>(extent - transform.size) / 2.0));
  };
  ViewParameters view = identity_view(image, height, width);
  view.interpolation = transform.interpolation;
  view.resized_height = resized(height);
  view.resized_width = resized(width);
  view.offset_top = offset(view.resized_height);
  view.offset_left = offset(view.resized_width);
  return view;
}

void AugmentPolicy::visit_settings(const SettingVisitor& visitor) {
  visitor({.table = "augment",
           .key = "crop_scale",
           .value = "A,B",
           .unit = "share of the area",
           .help = "random resized crop keeps between A and B of the image; 1,1 switches it off",
           .range = {.low = 0, .high = 1, .above_low = true},
           .complaint = [this] { return order_complaint(crop_scale); }},
          &crop_scale);
  visitor({.table = "augment",
           .key = "crop_ratio",
           .value = "A,B",
           .unit = "width / height",
           .help = "of the crop, uniform in its logarithm",
           .range = {.low = 0, .above_low = true},
           .complaint = [this] { return order_complaint(crop_ratio); }},
          &crop_ratio);
  visitor({.table = "augment",
           .key = "interpolation",
           .value = "NAME",
           .help = "filter of the crop's resize, with antialias"},
          Choice(interpolation, kInterpolationNames));
  visitor({.table = "augment",
           .key = "flip",
           .value = "P|P1,P2",
           .unit = "probability",
           .help = "horizontal flip; 0: off; P1,P2: of view 1 and view 2, as for those below",
           .range = {.low = 0, .high = 1}},
          &flip);
  visitor({.table = "augment",
           .key = "jitter",
           .value = "P|P1,P2",
           .unit = "probability",
           .help = "colour jitter",
           .range = {.low = 0, .high = 1}},
          &jitter);
  visitor({.table = "augment",
           .key = "jitter_strength",
           .value = "B,C,S,H",
           .help = "brightness, contrast and saturation (factors 1 +- x), hue (turns, at most 0.5)",
           .range = {.low = 0},
           .complaint =
               [this] {
                 return jitter_strength[3] <= 0.5
                            ? ""
                            : "hue, the last number, must be at most 0.5 (half a "
                              "turn)";
               }},
          &jitter_strength);
  visitor({.table = "augment",
           .key = "grayscale",
           .value = "P|P1,P2",
           .unit = "probability",
           .help = "conversion to gray",
           .range = {.low = 0, .high = 1}},
          &grayscale);
  visitor({.table = "augment",
           .key = "blur",
           .value = "P|P1,P2",
           .unit = "probability",
           .help = "Gaussian blur (if not given 0.5 of views above 64 px, else 0)",
           .range = {.low = 0, .high = 1}},
          &blur);
  visitor({.table = "augment",
           .key = "blur_sigma",
           .value = "A,B",
           .unit = "pixels",
           .help = "the blur's sigma is drawn between A and B",
           .range = {.low = 0, .high = 1e6, .above_low = true},
           .complaint = [this] { return order_complaint(blur_sigma); }},
          &blur_sigma);
  visitor({.table = "augment",
           .key = "solarize",
           .value = "P|P1,P2",
           .unit = "probability",
           .help = "inversion of values from 128 upwards",
           .range = {.low = 0, .high = 1}},
          &solarize);
}

}  // namespace amcl
