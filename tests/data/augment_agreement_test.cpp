// The vectorised augmentation of the cpu backend against the plain definition.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "data/views/augment_policy.h"
#include "engine/backend/open.h"
#include "engine/core/philox.h"

namespace amcl {
namespace {

Tensor noise_images(Backend& backend, int64_t count, int64_t height, int64_t width) {
  RandomStream random(17, RandomPurpose::synthetic, 0, 0, 0);
  std::vector<uint8_t> values(static_cast<size_t>(count * height * width * 3));
  for (uint8_t& value : values) value = static_cast<uint8_t>(random.below(256));
  return Tensor::from_host<uint8_t>(backend, {count, height, width, 3}, values);
}

// Every stage on, and stronger than any recipe has it.
AugmentPolicy strong_policy() {
  AugmentPolicy policy;
  policy.crop_scale = {0.02, 1.0};
  policy.jitter = 0.9;
  policy.jitter_strength = {0.8, 0.8, 0.8, 0.5};
  policy.blur = 0.5;
  policy.solarize = 0.3;
  return policy;
}

std::vector<float> augment(Backend& backend, const std::vector<ViewParameters>& views,
                           const Shape& image, const Shape& view) {
  const Tensor images = noise_images(backend, 3, image[0], image[1]);
  const auto count = static_cast<int64_t>(views.size());
  Tensor y = Tensor::empty(backend, {count, view[0], view[1], 3}, DType::f32);
  backend.fill(y, std::numeric_limits<double>::quiet_NaN());
  backend.augment(images, views, {{0.4f, 0.5f, 0.6f}, {0.25f, 0.5f, 0.2f}}, y);
  return y.to_host<float>();
}

// Worst difference, with NaN (a pixel left out) counted as infinite.
float worst_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float worst = 0.0f;
  for (size_t i = 0; i < a.size(); ++i) {
    const float difference = std::fabs(a[i] - b[i]);
    worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
  }
  return worst;
}

struct Sizes {
  Shape image;
  Shape view;
};

// 32 x 32 is whole vectors; the others leave parts of vectors, single pixels, many taps.
const Sizes kSizes[] = {{{32, 32}, {32, 32}},  {{1, 1}, {32, 32}}, {{3, 7}, {32, 32}},
                        {{37, 53}, {32, 32}},  {{37, 53}, {5, 9}}, {{3, 7}, {5, 9}},
                        {{32, 32}, {1, 1}},    {{37, 53}, {9, 3}}, {{91, 3}, {17, 33}},
                        {{64, 48}, {224, 224}}};

TEST_CASE("augment: the cpu backend agrees with the plain definition") {
  const auto plain = open_backend("plain");
  const auto cpu = open_backend("cpu");
  for (const Sizes& sizes : kSizes) {
    std::vector<ViewParameters> views;
    const int64_t count = sizes.view[0] > 100 ? 4 : 60;
    for (int64_t i = 0; i < count; ++i)
      views.push_back(strong_policy().draw(5, static_cast<uint32_t>(i), i % 3, 0, sizes.image[0],
                                           sizes.image[1]));
    INFO("image ", sizes.image[0], " x ", sizes.image[1], ", view ", sizes.view[0], " x ",
         sizes.view[1]);
    const auto expected = augment(*plain, views, sizes.image, sizes.view);
    const auto actual = augment(*cpu, views, sizes.image, sizes.view);
    // 1e-5 in [0, 1]; the normalisation above divides by at least 0.2.
    CHECK(worst_difference(expected, actual) < 1e-5f / 0.2f);
  }
}

TEST_CASE("augment: an identity view is the normalised image") {
  for (const char* name : {"plain", "cpu"}) {
    const auto backend = open_backend(name);
    const Tensor images = noise_images(*backend, 2, 5, 7);
    Tensor y = Tensor::empty(*backend, {1, 5, 7, 3}, DType::f32);
    const ViewParameters view = identity_view(1, 5, 7);
    const ImageNormalization normalization{{0.4f, 0.5f, 0.6f}, {0.25f, 0.5f, 0.2f}};
    backend->augment(images, {&view, 1}, normalization, y);
    const std::vector<uint8_t> pixels = images.slice(1, 2).to_host<uint8_t>();
    const std::vector<float> values = y.to_host<float>();
    for (size_t i = 0; i < values.size(); ++i)
      CHECK(values[i] ==
            doctest::Approx((static_cast<float>(pixels[i]) / 255.0f - normalization.mean[i % 3]) /
                            normalization.deviation[i % 3])
                .epsilon(1e-5));
  }
}

TEST_CASE("augment: threads that share a backend do not disturb each other") {
  const auto cpu = open_backend("cpu");
  const Tensor images = noise_images(*cpu, 3, 32, 32);
  std::vector<ViewParameters> views;
  for (int64_t i = 0; i < 64; ++i)
    views.push_back(strong_policy().draw(6, 0, i % 3, static_cast<uint32_t>(i), 32, 32));
  Tensor together = Tensor::empty(*cpu, {64, 32, 32, 3}, DType::f32);
  Tensor apart = Tensor::empty(*cpu, {64, 32, 32, 3}, DType::f32);
  cpu->augment(images, views, {}, together);
  std::vector<std::thread> threads;
  for (int64_t part = 0; part < 4; ++part)
    threads.emplace_back([&, part] {
      Tensor out = apart.slice(16 * part, 16 * part + 16);
      cpu->augment(images, std::span(views).subspan(static_cast<size_t>(16 * part), 16), {}, out);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(together.to_host<float>() == apart.to_host<float>());
}

}  // namespace
}  // namespace amcl
