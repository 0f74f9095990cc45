// Each picture is a function of (seed, split, index): a scene is drawn at random, then every pixel
// is mixed from the shape's and the background's paint by how much of it the shape covers.
//
// What tells the classes apart is the outline alone. Place, size and rotation move it; colours, the
// sign of the contrast, shading, blotches and grain are drawn independently of the class, so that
// the distance between pixels says little about it. All of these but the outline are also weak as a
// mark by which to recognise a picture in its two views: with strong stripes or free colours an
// encoder learns those first, and the shape late.
#include "data/sources/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "engine/core/check.h"
#include "engine/core/parallel_for.h"
#include "engine/core/philox.h"

namespace amcl {
namespace {

constexpr int64_t kExtent = 32;
constexpr float kTurn = 6.28318530717958647692f;

struct Point {
  float x = 0.0f;
  float y = 0.0f;
};

float length(Point p) {
  return std::sqrt(p.x * p.x + p.y * p.y);
}

// Outlines in units of the shape's size, around the origin, within the unit circle.
constexpr Point kSquare[] = {{-.7f, -.7f}, {.7f, -.7f}, {.7f, .7f}, {-.7f, .7f}};
constexpr Point kTriangle[] = {{0.f, -1.f}, {.866f, .5f}, {-.866f, .5f}};
constexpr Point kCross[] = {{-.27f, -.95f}, {.27f, -.95f}, {.27f, -.27f},  {.95f, -.27f},
                            {.95f, .27f},   {.27f, .27f},  {.27f, .95f},   {-.27f, .95f},
                            {-.27f, .27f},  {-.95f, .27f}, {-.95f, -.27f}, {-.27f, -.27f}};
constexpr Point kStar[] = {{0.f, -1.f},      {.194f, -.267f}, {.951f, -.309f}, {.314f, .102f},
                           {.588f, .809f},   {0.f, .33f},     {-.588f, .809f}, {-.314f, .102f},
                           {-.951f, -.309f}, {-.194f, -.267f}};
constexpr Point kBar[] = {{-.97f, -.24f}, {.97f, -.24f}, {.97f, .24f}, {-.97f, .24f}};

// Signed distance to a polygon's outline, negative inside (even-odd rule).
float polygon_distance(std::span<const Point> corners, Point p) {
  float nearest = INFINITY;  // squared
  bool inside = false;
  for (size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
    const Point a = corners[i];
    const Point b = corners[j];
    const Point edge{b.x - a.x, b.y - a.y};
    const Point from_a{p.x - a.x, p.y - a.y};
    const float along = std::clamp(
        (from_a.x * edge.x + from_a.y * edge.y) / (edge.x * edge.x + edge.y * edge.y), 0.0f, 1.0f);
    const Point away{from_a.x - along * edge.x, from_a.y - along * edge.y};
    nearest = std::min(nearest, away.x * away.x + away.y * away.y);
    if ((a.y > p.y) != (b.y > p.y) && from_a.x < edge.x * from_a.y / edge.y) inside = !inside;
  }
  return inside ? -std::sqrt(nearest) : std::sqrt(nearest);
}

float disc_distance(Point p, float radius) {
  return length(p) - radius;
}

// Two bars each way, crossing.
float hash_distance(Point p) {
  const float along_x = std::fabs(std::fabs(p.y) - 0.33f);
  const float along_y = std::fabs(std::fabs(p.x) - 0.33f);
  const float bars = std::min(along_x, along_y) - 0.13f;
  return std::max(bars, std::max(std::fabs(p.x), std::fabs(p.y)) - 0.75f);
}

enum ShapeClass { circle, square, triangle, star, cross, ring, crescent, hash, bar, dots };
constexpr std::array<const char*, 10> kClassNames = {
    "circle", "square", "triangle", "star", "cross", "ring", "crescent", "hash", "bar", "dots"};

float shape_distance(ShapeClass shape, Point p) {
  switch (shape) {
    case circle:
      return disc_distance(p, 0.8f);
    case square:
      return polygon_distance(kSquare, p);
    case triangle:
      return polygon_distance(kTriangle, p);
    case star:
      return polygon_distance(kStar, p);
    case cross:
      return polygon_distance(kCross, p);
    case ring:
      return std::fabs(disc_distance(p, 0.72f)) - 0.18f;
    case crescent:
      return std::max(disc_distance(p, 0.9f), -disc_distance({p.x - 0.45f, p.y}, 0.75f));
    case hash:
      return hash_distance(p);
    case bar:
      return polygon_distance(kBar, p);
    case dots:
      return disc_distance({std::fabs(p.x) - 0.5f, std::fabs(p.y) - 0.5f}, 0.33f);
  }
  return INFINITY;
}

using Color = std::array<float, 3>;

float luma(const Color& color) {
  return 0.299f * color[0] + 0.587f * color[1] + 0.114f * color[2];
}

constexpr int64_t kBlotches = 6;  // per axis

// A colour, shaded in one direction, with soft blotches of brightness.
struct Paint {
  Color color{};
  Point shading;  // change of brightness per pixel
  std::array<std::array<float, kBlotches>, kBlotches> blotches{};

  float brightness(float x, float y) const {
    constexpr float kCell = static_cast<float>(kExtent) / (kBlotches - 1);
    const auto column = static_cast<size_t>(x / kCell);
    const auto row = static_cast<size_t>(y / kCell);
    const float right = x / kCell - static_cast<float>(column);
    const float down = y / kCell - static_cast<float>(row);
    const float above = std::lerp(blotches[row][column], blotches[row][column + 1], right);
    const float below = std::lerp(blotches[row + 1][column], blotches[row + 1][column + 1], right);
    return shading.x * (x - kExtent / 2.0f) + shading.y * (y - kExtent / 2.0f) +
           std::lerp(above, below, down);
  }
};

Point direction(float angle) {
  return {std::cos(angle), std::sin(angle)};
}

Paint draw_paint(RandomStream& random) {
  Paint paint;
  const float level = random.uniform(0.1f, 0.9f);
  for (float& channel : paint.color)
    channel = std::clamp(level + random.uniform(-0.2f, 0.2f), 0.0f, 1.0f);
  const Point slope = direction(random.uniform(0.0f, kTurn));
  const float steepness = random.uniform(0.0f, 0.03f);
  paint.shading = {slope.x * steepness, slope.y * steepness};
  const float strength = random.uniform(0.0f, 0.05f);
  for (auto& row : paint.blotches)
    for (float& blotch : row) blotch = random.uniform(-strength, strength);
  return paint;
}

struct Scene {
  ShapeClass shape;
  Point center;  // pixels
  float size;    // pixels per unit
  Point axis;    // cosine and sine of the rotation
  Paint front;
  Paint back;
  float grain;  // standard deviation of the noise of each pixel
};

// The outline must be seen in gray as well: the two colours differ in brightness.
constexpr float kLeastContrast = 0.4f;

Scene draw_scene(RandomStream& random, ShapeClass shape) {
  Scene scene;
  scene.shape = shape;
  scene.size = random.uniform(10.0f, 14.0f);
  const float slack = kExtent / 2.0f - 0.8f * scene.size;
  scene.center = {kExtent / 2.0f + random.uniform(-slack, slack),
                  kExtent / 2.0f + random.uniform(-slack, slack)};
  scene.axis = direction(random.uniform(0.0f, kTurn));
  scene.front = draw_paint(random);
  do {
    scene.back = draw_paint(random);
  } while (std::fabs(luma(scene.front.color) - luma(scene.back.color)) < kLeastContrast);
  scene.grain = random.uniform(0.01f, 0.04f);
  return scene;
}

// Share of the pixel around (x, y) that the shape covers, from the distance to its outline.
float coverage(const Scene& scene, float x, float y) {
  const Point shifted{(x - scene.center.x) / scene.size, (y - scene.center.y) / scene.size};
  if (length(shifted) > 1.0f + 1.0f / scene.size) return 0.0f;  // outlines keep to the unit circle
  const Point turned{scene.axis.x * shifted.x + scene.axis.y * shifted.y,
                     scene.axis.x * shifted.y - scene.axis.y * shifted.x};
  return std::clamp(0.5f - shape_distance(scene.shape, turned) * scene.size, 0.0f, 1.0f);
}

void render(const Scene& scene, RandomStream& random, uint8_t* pixels) {
  for (int64_t row = 0; row < kExtent; ++row)
    for (int64_t column = 0; column < kExtent; ++column) {
      const float x = static_cast<float>(column) + 0.5f;
      const float y = static_cast<float>(row) + 0.5f;
      const float cover = coverage(scene, x, y);
      const float noise = scene.grain * random.normal();
      const float front = scene.front.brightness(x, y) + noise;
      const float back = scene.back.brightness(x, y) + noise;
      for (size_t channel = 0; channel < 3; ++channel) {
        const float value = cover * (scene.front.color[channel] + front) +
                            (1.0f - cover) * (scene.back.color[channel] + back);
        *pixels++ = static_cast<uint8_t>(std::lrint(std::clamp(value, 0.0f, 1.0f) * 255.0f));
      }
    }
}

}  // namespace

Dataset make_shapes(Device& device, Split split, int64_t limit, uint64_t seed) {
  if (split == Split::unlabeled)
    fail(ErrorKind::usage, "split: shapes10 has no unlabeled images; choose train or test");
  const int64_t available = split == Split::train ? kShapesTrainImages : kShapesTestImages;
  const int64_t count = limit > 0 ? std::min(limit, available) : available;
  constexpr int64_t kImageBytes = kExtent * kExtent * 3;
  std::vector<uint8_t> images(static_cast<size_t>(count * kImageBytes));
  parallel_for(count, 64, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      RandomStream random(seed, RandomPurpose::shapes, 0, static_cast<uint64_t>(index),
                          split == Split::train ? 0 : 1);
      const auto shape = static_cast<ShapeClass>(index % std::ssize(kClassNames));
      render(draw_scene(random, shape), random, images.data() + index * kImageBytes);
    }
  });
  Dataset dataset;
  dataset.name = "shapes10";
  dataset.layout = "made in memory";
  dataset.images = Tensor::empty(device, {count, kExtent, kExtent, 3}, DType::u8);
  device.copy_from_host(dataset.images.raw(), images.data(), images.size());
  for (int64_t index = 0; index < count; ++index)
    dataset.labels.push_back(static_cast<int32_t>(index % std::ssize(kClassNames)));
  dataset.class_names.assign(kClassNames.begin(), kClassNames.end());
  dataset.normalization = {{0.500f, 0.502f, 0.500f}, {0.320f, 0.332f, 0.312f}};
  return dataset;
}

}  // namespace amcl
