#include "train/run/run_data.h"

#include <utility>

#include "data/sources/good_images.h"
#include "data/sources/select_images.h"
#include "data/views/dataset_placement.h"
#include "engine/backend/open.h"
#include "engine/core/check.h"
#include "train/assembly/open_data.h"
#include "train/assembly/training_backend.h"
#include "train/printable.h"

namespace amcl {
namespace {

std::string list_labels(const Dataset& dataset, const LabelDraw& draw) {
  std::string lines = "image\tname\tclass\tpart\n";
  const auto add = [&](const std::vector<int64_t>& images, const char* part) {
    for (const int64_t image : images)
      lines += concat_text(
          image, '\t', printable(dataset.image_name(image)), '\t',
          printable(class_name(dataset.class_names, dataset.labels[static_cast<size_t>(image)])),
          '\t', part, '\n');
  };
  add(draw.learned, "learned");
  add(draw.held_out, "held-out");
  return lines;
}

}  // namespace

RunData::RunData(const Config& config)
    : backend(open_training_backend(config.train)),
      host(backend->free_memory() ? open_backend("cpu") : nullptr),
      dataset(open(config, config.data.split, config.data.limit)) {
  const auto* classifier = std::get_if<ClassifierOptions>(&config.method);
  if (classifier != nullptr) draw(config, *classifier);
  if (host) dataset = place_dataset(std::move(dataset), *backend, *host);
  if (classifier == nullptr && config.train.eval_every > 0 && dataset.labelled()) open_test(config);
}

void RunData::close_test() {
  test = {};
  if (dataset.host == nullptr && labels.empty()) host.reset();  // where labels are held out
}

Dataset RunData::open(const Config& config, Split split, int64_t limit) const {
  return open_data(host ? *host : *backend, config, split, limit);
}

void RunData::draw(const Config& config, const ClassifierOptions& options) {
  const LabelDraw drawn = draw_labels(dataset, options.labels, config.train.seed);
  labels = list_labels(dataset, drawn);
  if (!drawn.held_out.empty()) {
    test = dataset;
    // Those of the two parts have numbers of their own.
    test.bad_images =
        std::make_shared<BadImages>(dataset.bad_images->skips(), config.data.reading.error_limit);
    select_images(test, drawn.held_out);
    if (test.files && test.bad_images->skips()) keep_good_images(test);
    test.host = host.get();
  }
  select_images(dataset, drawn.learned);
}

// Where there are no test images, training goes on without them.
void RunData::open_test(const Config& config) {
  try {
    test = open(config, Split::test, 0);
    test.host = host.get();
    if (test.warnings != dataset.warnings) test_warnings = test.warnings;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::missing) throw;
  }
}

}  // namespace amcl
