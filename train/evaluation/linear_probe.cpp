#include "train/evaluation/linear_probe.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "data/views/sampler.h"
#include "engine/core/philox.h"
#include "engine/ops/ops.h"
#include "train/evaluation/column_statistics.h"
#include "train/evaluation/knn.h"
#include "train/evaluation/softmax_regression.h"

namespace amcl {
namespace {

using Rows = std::vector<int64_t>;

struct Parts {
  Rows learned;
  Rows held_out;
};

Parts split(int64_t count) {
  Parts parts;
  for (int64_t i = 0; i < count; ++i)
    (is_held_out(i) ? parts.held_out : parts.learned).push_back(i);
  if (parts.held_out.empty() || parts.learned.empty())
    fail(ErrorKind::usage, "linear: ", count,
         " training images are too few to hold a tenth of them out; give more with --limit");
  return parts;
}

template <class T>
std::vector<T> select(std::span<const T> values, const Rows& rows) {
  std::vector<T> selected;
  for (const int64_t row : rows) selected.push_back(values[static_cast<size_t>(row)]);
  return selected;
}

Tensor select(const Tensor& x, const Rows& rows) {
  const std::vector<int32_t> index(rows.begin(), rows.end());
  return gather_rows(
      x, Tensor::from_host<int32_t>(x.device(), {static_cast<int64_t>(index.size())}, index));
}

// Trains on the given rows of x [n, D].
void fit(SoftmaxRegressions& regressions, const Tensor& x, std::span<const int32_t> labels,
         const Rows& rows, const LinearProbeOptions& options) {
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t steps_per_epoch = (count + options.batch - 1) / options.batch;
  const auto steps = static_cast<double>(steps_per_epoch * options.epochs);
  int64_t step = 0;
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    Rows order = epoch_order(options.seed, static_cast<uint32_t>(epoch), count);
    for (int64_t& place : order) place = rows[static_cast<size_t>(place)];
    for (int64_t begin = 0; begin < count; begin += options.batch, ++step) {
      const int64_t end = std::min(begin + options.batch, count);
      const Rows batch(order.begin() + begin, order.begin() + end);
      const double cosine =
          0.5 + 0.5 * std::cos(std::numbers::pi * static_cast<double>(step) / steps);
      regressions.step(select(x, batch), select(labels, batch), cosine, options.momentum);
    }
  }
}

}  // namespace

bool is_held_out(int64_t index) {
  constexpr uint64_t kSeed = 0;  // the same images for every run
  RandomStream hash(kSeed, RandomPurpose::probe, 0, static_cast<uint64_t>(index), 0);
  return hash.below(10) == 0;
}

LinearProbeResult linear_probe(const Tensor& train, std::span<const int32_t> train_labels,
                               const Tensor& test, int64_t classes,
                               const LinearProbeOptions& options) {
  AMCL_CHECK(static_cast<int64_t>(train_labels.size()) == train.dim(0), "linear: ", train.dim(0),
             " images and ", train_labels.size(), " labels");
  const Parts parts = split(train.dim(0));
  Backend& backend = backend_of(train);
  const ColumnStatistics statistics = column_statistics(train);
  const Tensor x = standardize(train, statistics);

  LinearProbeResult result;
  SoftmaxRegressions candidates(backend, kLinearProbeRates, train.dim(1), classes);
  fit(candidates, x, train_labels, parts.learned, options);
  const Tensor held_out = select(x, parts.held_out);
  const std::vector<int32_t> held_out_labels = select(train_labels, parts.held_out);
  for (size_t i = 0; i < kLinearProbeRates.size(); ++i)
    result.held_out_top1[i] =
        top1_percent(candidates.predict(held_out, static_cast<int64_t>(i)), held_out_labels);
  const auto best = std::max_element(result.held_out_top1.begin(), result.held_out_top1.end());
  result.rate = kLinearProbeRates[static_cast<size_t>(best - result.held_out_top1.begin())];

  Rows all(train_labels.size());
  std::iota(all.begin(), all.end(), 0);
  SoftmaxRegressions chosen(backend, std::span(&result.rate, 1), train.dim(1), classes);
  fit(chosen, x, train_labels, all, options);
  result.predictions = chosen.predict(standardize(test, statistics), 0);
  return result;
}

}  // namespace amcl
