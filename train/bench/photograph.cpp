#include "train/bench/photograph.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/core/philox.h"

namespace amcl {
namespace {

constexpr int kDiscs = 2000;
constexpr float kLeastRadius = 3.0f;  // pixels
constexpr float kLargestRadius = 200.0f;
constexpr float kColorfulness = 25.0f;  // of 255: how far channels stand apart in a disc
constexpr float kShading = 60.0f;       // of 255: from one side of a disc to the other
constexpr float kNoise = 3.0f;          // of 255: width of the sensor's noise

struct Disc {
  float y;
  float x;
  float radius;
  float slope_y;  // of the brightness, per pixel
  float slope_x;
  std::array<float, 3> color;
};

Disc draw_disc(RandomStream& random, int64_t height, int64_t width) {
  Disc disc{};
  disc.y = random.uniform(0.0f, static_cast<float>(height));
  disc.x = random.uniform(0.0f, static_cast<float>(width));
  // The inverse of the distribution function of the density ~ radius^-3.
  const float least = 1.0f / (kLargestRadius * kLargestRadius);
  const float most = 1.0f / (kLeastRadius * kLeastRadius);
  disc.radius = 1.0f / std::sqrt(random.uniform(least, most));
  const float slope = kShading / (2.0f * disc.radius);
  disc.slope_y = random.uniform(-slope, slope);
  disc.slope_x = random.uniform(-slope, slope);
  const float brightness = random.uniform(20.0f, 235.0f);
  for (float& channel : disc.color)
    channel = brightness + random.uniform(-kColorfulness, kColorfulness);
  return disc;
}

// On pixels [height, width, 3].
void paint(const Disc& disc, int64_t height, int64_t width, std::vector<float>& pixels) {
  const auto first = [](float value) { return std::max<int64_t>(0, std::lrint(value)); };
  const int64_t bottom = std::min<int64_t>(height, std::lrint(disc.y + disc.radius) + 1);
  for (int64_t y = first(disc.y - disc.radius); y < bottom; ++y) {
    const float dy = static_cast<float>(y) - disc.y;
    const float half = std::sqrt(std::max(0.0f, disc.radius * disc.radius - dy * dy));
    const int64_t right = std::min<int64_t>(width, std::lrint(disc.x + half) + 1);
    for (int64_t x = first(disc.x - half); x < right; ++x) {
      const float shade = disc.slope_y * dy + disc.slope_x * (static_cast<float>(x) - disc.x);
      for (size_t channel = 0; channel < 3; ++channel)
        pixels[static_cast<size_t>(y * width + x) * 3 + channel] = disc.color[channel] + shade;
    }
  }
}

// (1, 2, 1) / 4 along one axis: `count` lines of `length` values each, which lie `step` apart.
void blur_lines(float* values, int64_t count, int64_t line_step, int64_t length, int64_t step) {
  for (int64_t line = 0; line < count; ++line) {
    float* const begin = values + line * line_step;
    float before = begin[0];
    for (int64_t i = 0; i < length; ++i) {
      float& here = begin[i * step];
      const float after = begin[std::min(i + 1, length - 1) * step];
      const float blurred = 0.25f * before + 0.5f * here + 0.25f * after;
      before = here;
      here = blurred;
    }
  }
}

}  // namespace

std::vector<uint8_t> photograph_like(int64_t height, int64_t width, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
  const auto count = static_cast<size_t>(height * width * 3);
  std::vector<float> pixels(count, 128.0f);
  for (int i = 0; i < kDiscs; ++i) paint(draw_disc(random, height, width), height, width, pixels);
  for (int64_t channel = 0; channel < 3; ++channel)
    blur_lines(pixels.data() + channel, height, width * 3, width, 3);
  blur_lines(pixels.data(), width * 3, 1, height, width * 3);
  std::vector<uint8_t> result(count);
  for (size_t i = 0; i < count; ++i) {
    const float noise = random.uniform(-kNoise, kNoise) + random.uniform(-kNoise, kNoise);
    result[i] = static_cast<uint8_t>(std::clamp(pixels[i] + 0.5f * noise, 0.0f, 255.0f));
  }
  return result;
}

}  // namespace amcl
