// What bounds a view from below is its memory traffic: the bytes of the crop are read and the f32
// values of the view written, at the rate at which this machine copies blocks of that size. The
// records say which share of the time that floor is.
#include "train/bench/bench_data.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "data/views/augment_policy.h"
#include "data/views/loader.h"
#include "engine/backend/open.h"
#include "engine/core/philox.h"
#include "train/bench/bench_decode.h"
#include "train/bench/bench_rate.h"
#include "train/bench/jpeg_images.h"

namespace amcl {
namespace {

using Record = nlohmann::ordered_json;

// The augmentations of the SimCLR recipe, blur included.
AugmentPolicy recipe() {
  AugmentPolicy policy;
  policy.blur = 0.5;
  return policy;
}

Dataset noise_images(Backend& backend, int64_t count, int64_t height, int64_t width) {
  RandomStream random(1, RandomPurpose::synthetic, 0, 0, 0);
  std::vector<uint8_t> pixels(static_cast<size_t>(count * height * width * 3));
  for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(random.bits() >> 24);
  Dataset dataset;
  dataset.name = "noise";
  dataset.images = Tensor::empty(backend, {count, height, width, 3}, DType::u8);
  backend.copy_from_host(dataset.images.raw(), pixels.data(), pixels.size());
  dataset.normalization = {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  return dataset;
}

struct ViewCase {
  const char* name;
  int64_t images;
  int64_t image_height;
  int64_t image_width;
  int64_t view;           // extent
  int64_t views_at_once;  // per call, as the loader does it
};

constexpr ViewCase kCases[] = {{"views_32", 4096, 32, 32, 32, 16},
                               {"views_224", 64, 375, 500, 224, 16}};

// Draws and makes views of random images in this thread until the time is over.
int64_t make_views(Backend& backend, const Dataset& dataset, const ViewCase& shape, uint32_t thread,
                   double seconds) {
  const AugmentPolicy policy = recipe();
  Tensor y = Tensor::empty(backend, {shape.views_at_once, shape.view, shape.view, 3}, DType::f32);
  std::vector<ViewParameters> views(static_cast<size_t>(shape.views_at_once));
  RandomStream order(2, RandomPurpose::synthetic, thread, 0, 0);
  int64_t made = 0;
  const Stopwatch time;
  while (time.seconds() < seconds) {
    for (ViewParameters& view : views)
      view = policy.draw(1, static_cast<uint32_t>(made) % (1u << 24),
                         order.below(static_cast<uint32_t>(shape.images)), thread,
                         shape.image_height, shape.image_width);
    backend.augment(dataset.images, views, dataset.normalization, y);
    made += shape.views_at_once;
  }
  return made;
}

ViewTraffic traffic_of(const ViewCase& shape) {
  return {.image_bytes = static_cast<size_t>(shape.image_height * shape.image_width * 3),
          .images = shape.images,
          .view_bytes = static_cast<size_t>(shape.view * shape.view * 3) * sizeof(float),
          .views_at_once = shape.views_at_once};
}

Record bench_views(Backend& backend, const ViewCase& shape, int64_t workers, double seconds) {
  const Dataset dataset =
      noise_images(backend, shape.images, shape.image_height, shape.image_width);
  const auto make = [&](uint32_t thread, double time) {
    return make_views(backend, dataset, shape, thread, time);
  };
  const double one = median_rate(seconds, [&](double time) { return make(0, time); });
  const double all =
      median_rate(seconds, [&](double time) { return work_in_threads(workers, time, make); });
  const double floor = copying_microseconds(traffic_of(shape), seconds / 4.0);
  Record record;
  record["case"] = shape.name;
  record["device"] = backend.name();
  record["image"] = {shape.image_height, shape.image_width};
  record["view"] = {shape.view, shape.view};
  record["views_per_s_per_core"] = one;
  record["microseconds_per_view"] = 1e6 / one;
  record["workers"] = workers;
  record["views_per_s"] = all;
  record["floor_microseconds"] = floor;
  record["share_of_floor"] = floor * one * 1e-6;
  return record;
}

// Batches as a training run takes them, with nothing done in between.
Record bench_loader(Backend& backend, int64_t workers, double seconds) {
  const Dataset dataset = noise_images(backend, 4096, 32, 32);
  constexpr int64_t kBatch = 128;
  Loader loader(backend, dataset, recipe(), {.batch = kBatch, .workers = workers, .seed = 1});
  const double rate = median_rate(seconds, [&](double time) {
    int64_t made = 0;
    const Stopwatch stopwatch;
    while (stopwatch.seconds() < time) {
      loader.next();
      backend.synchronize();
      made += 2 * kBatch;
    }
    return made;
  });
  Record record;
  record["case"] = "loader_32";
  record["device"] = backend.name();
  record["image"] = {32, 32};
  record["view"] = {32, 32};
  record["batch"] = kBatch;
  record["workers"] = workers;
  record["views_per_s"] = rate;
  record["pairs_per_s"] = rate / 2.0;
  return record;
}

}  // namespace

void run_bench_data(const BenchDataOptions& options, std::ostream& out) {
  if (!options.write_images.empty()) write_jpeg_images(options.write_images);
  const std::unique_ptr<Backend> backend = open_backend(options.device);
  const int64_t workers = options.workers > 0
                              ? options.workers
                              : std::max<int64_t>(1, std::thread::hardware_concurrency());
  for (const ViewCase& shape : kCases)
    out << bench_views(*backend, shape, workers, options.seconds).dump() << std::endl;
  out << bench_loader(*backend, workers, options.seconds).dump() << std::endl;
  bench_decoding(*backend, workers, options.seconds, out);
  bench_files(*backend, workers, options.seconds, out);
}

}  // namespace amcl
