#include "data/views/made_batches.h"

#include <span>
#include <utility>

#include "data/views/sampler.h"
#include "data/views/view_maker.h"

namespace amcl {
namespace {

constexpr int64_t kSamplesPerTask = 8;
constexpr int64_t kFilesPerTask = 1;  // decoding takes longer

// Of the samples [begin, end) of the batch, the rows of each view.
std::vector<Tensor> rows_of(const MadeBatch& batch, int64_t begin, int64_t end) {
  std::vector<Tensor> rows;
  for (int64_t first = 0; first < batch.images.dim(0); first += batch.parts())
    rows.push_back(batch.images.slice(first + begin, first + end));
  return rows;
}

void replace_bad(const ViewSetup& setup, ViewMaker& maker, MadeBatch& batch, uint32_t epoch) {
  std::vector<int64_t> bad;
  for (int64_t place = 0; place < batch.parts(); ++place)
    if (batch.bad[static_cast<size_t>(place)] != 0) bad.push_back(place);
  const auto use = [&](int64_t place, int64_t image) {
    std::vector<Tensor> rows = rows_of(batch, place, place + 1);
    return maker.make(epoch, {&image, 1}, rows).empty();
  };
  if (!replace_bad_images(batch.samples, bad, setup.options.seed, epoch, setup.dataset.count(),
                          use))
    fail(ErrorKind::data, setup.dataset.name, ": not one of its ", setup.dataset.count(),
         " images can be read");
}

// The views of the samples [begin, end) of the batch. Who makes the last of them replaces the bad
// ones: which images those are, and so what replaces them, does not depend on who made what.
void make_views(const ViewSetup& setup, ViewMaker& maker, MadeBatch& batch, int64_t begin,
                int64_t end) {
  const std::span samples =
      std::span(batch.samples)
          .subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  std::vector<Tensor> rows = rows_of(batch, begin, end);
  const auto epoch = static_cast<uint32_t>(batch.number / setup.steps_per_epoch());
  for (const int64_t place : maker.make(epoch, samples, rows))
    batch.bad[static_cast<size_t>(begin + place)] = 1;
  if ((batch.left -= end - begin) == 0) replace_bad(setup, maker, batch, epoch);
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
  batch->bad.assign(batch->samples.size(), 0);
  batch->left = batch->parts();
  return batch;
}

}  // namespace amcl
