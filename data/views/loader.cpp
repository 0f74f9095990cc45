#include "data/views/loader.h"

#include <chrono>
#include <utility>

#include "data/views/dataset_placement.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

// The epoch's share of a random stream's counter has 24 bits.
constexpr int64_t kMaxEpochs = int64_t{1} << 24;

using Clock = std::chrono::steady_clock;

std::unique_ptr<ViewSource> open_checked(const ViewSetup& setup) {
  const LoaderOptions& options = setup.options;
  setup.policy.validate();
  AMCL_CHECK(options.batch >= 2, "batch: needs at least 2 images, got ", options.batch);
  AMCL_CHECK(options.batch <= setup.dataset.count(), "batch: ", options.batch, " is larger than ",
             setup.dataset.name, " with its ", setup.dataset.count(), " images; lower --batch");
  AMCL_CHECK(options.workers >= 0, "workers: must be at least 0, got ", options.workers);
  return open_view_source(setup);
}

}  // namespace

Loader::Loader(Backend& backend, const Dataset& dataset, const AugmentPolicy& policy,
               const LoaderOptions& options)
    : source_(open_checked({backend, dataset, policy, options})) {
  steps_per_epoch_ = dataset.count() / options.batch;
}

void Loader::start(int64_t epoch, int64_t step) {
  AMCL_CHECK(epoch >= 0 && epoch < kMaxEpochs, "loader: epoch ", epoch, " is out of range");
  AMCL_CHECK(step >= 0 && step < steps_per_epoch(), "loader: step ", step, " of an epoch with ",
             steps_per_epoch());
  source_->start(epoch, step);
}

std::vector<int64_t> Loader::prepare() {
  const Clock::time_point begin = Clock::now();
  std::vector<int64_t> samples = source_->prepare();
  wait_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
  return samples;
}

Batch Loader::next() {
  std::vector<int64_t> samples = prepare();
  return {.images = views(), .samples = std::move(samples)};
}

double Loader::take_wait_seconds() {
  return std::exchange(wait_seconds_, 0.0);
}

}  // namespace amcl
