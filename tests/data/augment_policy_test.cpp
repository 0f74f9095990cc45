#include "data/views/augment_policy.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr int64_t kDraws = 4000;

std::vector<ViewParameters> draw_many(const AugmentPolicy& policy, int64_t height, int64_t width) {
  std::vector<ViewParameters> views;
  for (int64_t i = 0; i < kDraws; ++i) views.push_back(policy.draw(3, 1, i, 0, height, width));
  return views;
}

double mean_of(const std::vector<ViewParameters>& views,
               const std::function<double(const ViewParameters&)>& value) {
  double sum = 0.0;
  for (const ViewParameters& view : views) sum += value(view);
  return sum / static_cast<double>(views.size());
}

bool same(const ViewParameters& a, const ViewParameters& b) {
  return a.top == b.top && a.left == b.left && a.height == b.height && a.width == b.width &&
         a.flip == b.flip && a.jitter == b.jitter && a.order == b.order &&
         a.brightness == b.brightness && a.contrast == b.contrast && a.saturation == b.saturation &&
         a.hue == b.hue && a.grayscale == b.grayscale && a.blur_sigma == b.blur_sigma &&
         a.solarize == b.solarize;
}

TEST_CASE("augment policy: a view depends on seed, epoch, sample and view, and on nothing else") {
  const AugmentPolicy policy;
  const ViewParameters first = policy.draw(1, 2, 3, 0, 32, 32);
  CHECK(same(first, policy.draw(1, 2, 3, 0, 32, 32)));
  CHECK_FALSE(same(first, policy.draw(2, 2, 3, 0, 32, 32)));
  CHECK_FALSE(same(first, policy.draw(1, 3, 3, 0, 32, 32)));
  CHECK_FALSE(same(first, policy.draw(1, 2, 4, 0, 32, 32)));
  CHECK_FALSE(same(first, policy.draw(1, 2, 3, 1, 32, 32)));
  CHECK(first.image == 3);
}

TEST_CASE("augment policy: crops fit the image and have the areas and ratios of the policy") {
  AugmentPolicy policy;
  policy.crop_scale = {0.2, 0.5};  // so that every ratio fits and none is drawn again
  const auto views = draw_many(policy, 200, 300);
  double log_ratio = 0.0;
  double area = 0.0;
  double top = 0.0;
  for (const ViewParameters& view : views) {
    REQUIRE(view.top >= 0);
    REQUIRE(view.left >= 0);
    REQUIRE(view.top + view.height <= 200);
    REQUIRE(view.left + view.width <= 300);
    const double share = static_cast<double>(view.height) * view.width / (200.0 * 300.0);
    const double ratio = static_cast<double>(view.width) / view.height;
    REQUIRE(share > 0.19);
    REQUIRE(share < 0.51);
    REQUIRE(ratio > 0.73);
    REQUIRE(ratio < 1.37);
    area += share / kDraws;
    log_ratio += std::log(ratio) / kDraws;
    top += view.top / (200.0 - view.height + 1e-9) / kDraws;
  }
  // Standard errors: 0.002, 0.003, 0.005.
  CHECK(area == doctest::Approx(0.35).epsilon(0.02));
  CHECK(std::fabs(log_ratio) < 0.012);
  CHECK(std::fabs(top - 0.5) < 0.025);
}

TEST_CASE("augment policy: an image too long for the ratios gives a centred crop") {
  AugmentPolicy policy;
  policy.crop_scale = {0.9, 1.0};
  const ViewParameters wide = policy.draw(1, 0, 0, 0, 30, 300);
  CHECK(wide.height == 30);
  CHECK(wide.width == 40);
  CHECK(wide.top == 0);
  CHECK(wide.left == 130);
  const ViewParameters tall = policy.draw(1, 0, 0, 0, 300, 30);
  CHECK(tall.height == 40);
  CHECK(tall.width == 30);
  CHECK(tall.top == 130);
  CHECK(tall.left == 0);
  const ViewParameters point = policy.draw(1, 0, 0, 0, 1, 1);
  CHECK(point.height == 1);
  CHECK(point.width == 1);
}

TEST_CASE("augment policy: a crop scale of 1,1 keeps the whole image of any ratio") {
  AugmentPolicy policy;
  policy.crop_scale = {1.0, 1.0};
  for (const ViewParameters& view : draw_many(policy, 20, 90)) {
    REQUIRE(view.height == 20);
    REQUIRE(view.width == 90);
  }
}

TEST_CASE("augment policy: probabilities are kept") {
  AugmentPolicy policy;
  policy.flip = 0.5;
  policy.jitter = 0.8;
  policy.grayscale = 0.2;
  policy.blur = 0.3;
  policy.solarize = 0.4;
  const auto views = draw_many(policy, 32, 32);
  // Four standard errors of 4000 draws are at most 0.032.
  CHECK(std::fabs(mean_of(views, [](auto& v) { return v.flip; }) - 0.5) < 0.032);
  CHECK(std::fabs(mean_of(views, [](auto& v) { return v.jitter; }) - 0.8) < 0.032);
  CHECK(std::fabs(mean_of(views, [](auto& v) { return v.grayscale; }) - 0.2) < 0.032);
  CHECK(std::fabs(mean_of(views, [](auto& v) { return v.blur_sigma > 0.0f; }) - 0.3) < 0.032);
  CHECK(std::fabs(mean_of(views, [](auto& v) { return v.solarize; }) - 0.4) < 0.032);
}

TEST_CASE("augment policy: each view has its own probabilities") {
  AugmentPolicy policy;
  policy.blur = {1.0, 0.1};
  policy.solarize = {0.0, 0.2};
  int blurred[2] = {};
  int solarized[2] = {};
  for (int64_t image = 0; image < kDraws; ++image)
    for (uint32_t view = 0; view < 2; ++view) {
      const ViewParameters drawn = policy.draw(3, 1, image, view, 32, 32);
      blurred[view] += drawn.blur_sigma > 0.0f;
      solarized[view] += drawn.solarize;
    }
  CHECK(blurred[0] == kDraws);
  CHECK(solarized[0] == 0);
  // Four standard errors are 0.019 and 0.025.
  CHECK(std::fabs(blurred[1] / double{kDraws} - 0.1) < 0.019);
  CHECK(std::fabs(solarized[1] / double{kDraws} - 0.2) < 0.025);
}

TEST_CASE("augment policy: jitter factors are uniform around 1, not negative, in random order") {
  AugmentPolicy policy;
  policy.jitter = 1.0;
  policy.jitter_strength = {0.4, 1.5, 0.2, 0.1};
  const auto views = draw_many(policy, 32, 32);
  std::map<std::array<ColorOp, 4>, int> orders;
  for (const ViewParameters& view : views) {
    REQUIRE(view.brightness >= 0.6f);
    REQUIRE(view.brightness <= 1.4f);
    REQUIRE(view.contrast >= 0.0f);
    REQUIRE(view.contrast <= 2.5f);
    REQUIRE(std::fabs(view.hue) <= 0.1f);
    ++orders[view.order];
  }
  CHECK(mean_of(views, [](auto& v) { return v.brightness; }) == doctest::Approx(1.0).epsilon(0.02));
  CHECK(mean_of(views, [](auto& v) { return v.contrast; }) == doctest::Approx(1.25).epsilon(0.04));
  CHECK(std::fabs(mean_of(views, [](auto& v) { return v.hue; })) < 0.004);
  // 4000 / 24 = 167 of each order, standard deviation 13.
  CHECK(orders.size() == 24);
  for (const auto& [order, count] : orders) {
    CHECK(count > 110);
    CHECK(count < 225);
  }
}

TEST_CASE("augment policy: switching one augmentation off leaves the other draws as they were") {
  AugmentPolicy with;
  with.blur = 0.5;
  AugmentPolicy without = with;
  without.jitter = 0.0;
  without.blur = 0.0;
  for (int64_t image = 0; image < 50; ++image) {
    const ViewParameters a = with.draw(1, 0, image, 0, 32, 32);
    const ViewParameters b = without.draw(1, 0, image, 0, 32, 32);
    REQUIRE(a.flip == b.flip);
    REQUIRE(a.grayscale == b.grayscale);
    REQUIRE(a.left == b.left);
    REQUIRE(a.width == b.width);
    REQUIRE_FALSE(b.jitter);
    REQUIRE(b.brightness == 1.0f);
    REQUIRE(b.blur_sigma == 0.0f);
  }
}

TEST_CASE("augment policy: values out of range are refused by name") {
  const auto message = [](const std::function<void(AugmentPolicy&)>& change) -> std::string {
    AugmentPolicy policy;
    change(policy);
    try {
      policy.validate();
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      return error.what();
    }
    return "accepted";
  };
  CHECK(message([](auto&) {}) == "accepted");
  CHECK(message([](auto& p) {
          p.crop_scale = {0.5, 0.2};
        }) == "crop_scale: needs 0 < low <= high <= 1 (share of the area), got 0.5,0.2");
  CHECK(message([](auto& p) {
          p.crop_scale = {0.0, 1.0};
        }) == "crop_scale: needs 0 < low <= high <= 1 (share of the area), got 0,1");
  CHECK(message([](auto& p) {
          p.crop_scale = {0.1, 1.5};
        }) == "crop_scale: needs 0 < low <= high <= 1 (share of the area), got 0.1,1.5");
  CHECK(message([](auto& p) {
          p.crop_ratio = {2.0, 1.0};
        }) == "crop_ratio: needs 0 < low <= high (width / height), got 2,1");
  CHECK(message([](auto& p) { p.flip = 1.5; }) ==
        "flip: a probability is between 0 and 1, got 1.5");
  CHECK(message([](auto& p) { p.blur = -0.5; }) ==
        "blur: a probability is between 0 and 1, got -0.5");
  CHECK(message([](auto& p) { p.jitter = std::nan(""); }) ==
        "jitter: a probability is between 0 and 1, got nan");
  CHECK(message([](auto& p) { p.jitter_strength[1] = -0.1; }) ==
        "jitter_strength: contrast must be at least 0, got -0.1");
  CHECK(message([](auto& p) { p.jitter_strength[3] = 0.6; }) ==
        "jitter_strength: hue must be between 0 and 0.5 turns, got 0.6");
  CHECK(message([](auto& p) {
          p.blur_sigma = {2.0, 1.0};
        }) == "blur_sigma: needs 0 < low <= high (pixels), got 2,1");
}

}  // namespace
}  // namespace amcl
