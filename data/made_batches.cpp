#include "data/made_batches.h"

#include <array>
#include <span>
#include <utility>

#include "data/sampler.h"
#include "data/view_maker.h"

namespace amcl {
namespace {

constexpr int64_t kSamplesPerTask = 8;
constexpr int64_t kFilesPerTask = 1;  // decoding takes longer

// Both views of the samples [begin, end) of the batch.
void make_views(const ViewSetup& setup, ViewMaker& maker, MadeBatch& batch, int64_t begin,
                int64_t end) {
  const std::span samples =
      std::span(batch.samples)
          .subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  std::array<Tensor, kViewsPerSample> rows;
  for (int64_t view = 0; view < kViewsPerSample; ++view)
    rows[static_cast<size_t>(view)] =
        batch.images.slice(view * setup.options.batch + begin, view * setup.options.batch + end);
  maker.make(static_cast<uint32_t>(batch.number / setup.steps_per_epoch()), samples, rows);
}

}  // namespace

MadeBatches::MadeBatches(const ViewSetup& setup, Backend& maker, int64_t ahead,
                         std::function<Tensor(int64_t)> memory)
    : setup_(setup),
      memory_(std::move(memory)),
      work_(
          {.workers = setup.options.workers,
           .ahead = ahead,
           .parts_per_task = setup.dataset.in_memory() ? kSamplesPerTask : kFilesPerTask},
          [this](int64_t number) { return plan(number); },
          [&setup, &maker]() -> WorkAhead<MadeBatch>::Make {
            auto of_thread =
                std::make_shared<ViewMaker>(maker, setup.dataset, setup.policy, setup.options.seed);
            return [&setup, of_thread](MadeBatch& batch, int64_t begin, int64_t end) {
              make_views(setup, *of_thread, batch, begin, end);
            };
          }) {}

std::shared_ptr<MadeBatch> MadeBatches::plan(int64_t number) {
  const int64_t steps = setup_.steps_per_epoch();
  const int64_t epoch = number / steps;
  if (epoch != epoch_) {
    order_ = epoch_order(setup_.options.seed, static_cast<uint32_t>(epoch), setup_.dataset.count());
    epoch_ = epoch;
  }
  const auto first = order_.begin() + number % steps * setup_.options.batch;
  auto batch = std::make_shared<MadeBatch>();
  batch->number = number;
  batch->samples.assign(first, first + setup_.options.batch);
  batch->images = memory_(number);
  return batch;
}

}  // namespace amcl
