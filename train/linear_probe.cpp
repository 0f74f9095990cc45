#include "train/linear_probe.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "data/sampler.h"
#include "engine/core/philox.h"
#include "engine/nn/parameter_arena.h"
#include "engine/ops/ops.h"
#include "train/column_statistics.h"
#include "train/knn.h"

namespace amcl {
namespace {

using Rows = std::vector<int64_t>;

// Softmax regressions side by side that differ in their learning rates only, as one linear layer: a
// step of all of them costs little more than a step of one.
class SoftmaxRegressions {
 public:
  SoftmaxRegressions(Backend& backend, std::span<const double> rates, int64_t features,
                     int64_t classes)
      : backend_(backend),
        count_(static_cast<int64_t>(rates.size())),
        classes_(classes),
        weight_(Tensor::zeros(backend, {count_ * classes, features}, DType::f32),
                ParameterRole::weight),
        bias_(Tensor::zeros(backend, {count_ * classes}, DType::f32), ParameterRole::bias),
        arena_(backend,
               [this](const ModuleVisitor& visitor) {
                 visitor.parameter("weight", weight_);
                 visitor.parameter("bias", bias_);
               }),
        velocity_(Tensor::zeros(backend, arena_.values().shape(), DType::f32)),
        rate_(Tensor::empty(backend, {1}, DType::f32)),
        gradient_scale_(Tensor::empty(backend, {1}, DType::f32)) {
    backend.fill(gradient_scale_, 1.0);
    for (const ParameterArena::Entry& entry : arena_.entries())
      for (int64_t i = 0; i < count_; ++i) {
        const int64_t size = (entry.end - entry.begin) / count_;
        const int64_t begin = entry.begin + i * size;
        segments_.push_back(
            {.begin = begin, .end = begin + size, .rate_scale = rates[static_cast<size_t>(i)]});
      }
  }

  // On the given rows of x [n, D].
  void train(const Tensor& x, std::span<const int32_t> labels, const Rows& rows,
             const LinearProbeOptions& options) {
    const auto count = static_cast<int64_t>(rows.size());
    const int64_t steps_per_epoch = (count + options.batch - 1) / options.batch;
    const auto steps = static_cast<double>(steps_per_epoch * options.epochs);
    int64_t step = 0;
    for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
      Rows order = epoch_order(options.seed, static_cast<uint32_t>(epoch), count);
      for (int64_t& place : order) place = rows[static_cast<size_t>(place)];
      for (int64_t begin = 0; begin < count; begin += options.batch, ++step) {
        const auto size = static_cast<size_t>(std::min(options.batch, count - begin));
        const double cosine =
            0.5 + 0.5 * std::cos(std::numbers::pi * static_cast<double>(step) / steps);
        train_step(x, labels, std::span(order).subspan(static_cast<size_t>(begin), size), cosine,
                   options.momentum);
      }
    }
  }

  // The classes of the rows of x by regression `which`.
  std::vector<int32_t> predict(const Tensor& x, int64_t which) {
    const int64_t begin = which * classes_;
    const std::vector<double> logits = linear(x, weight_.value.slice(begin, begin + classes_),
                                              bias_.value.slice(begin, begin + classes_))
                                           .to_host<double>();  // [n, K]
    std::vector<int32_t> classes;
    for (auto row = logits.begin(); row != logits.end(); row += classes_)
      classes.push_back(static_cast<int32_t>(std::max_element(row, row + classes_) - row));
    return classes;
  }

 private:
  void train_step(const Tensor& x, std::span<const int32_t> labels, std::span<const int64_t> batch,
                  double cosine, double momentum) {
    std::vector<int32_t> index;
    std::vector<int32_t> targets;  // of image after image, for each regression
    for (const int64_t row : batch) {
      index.push_back(static_cast<int32_t>(row));
      targets.insert(targets.end(), static_cast<size_t>(count_), labels[static_cast<size_t>(row)]);
    }
    const auto size = static_cast<int64_t>(batch.size());
    const Tensor indices = Tensor::from_host<int32_t>(backend_, {size}, index);
    const Tensor target = Tensor::from_host<int32_t>(backend_, {size * count_}, targets);

    TapeScope scope;
    arena_.begin_step();
    const Tensor logits =
        linear(gather_rows(x, indices), weight_.tracked(), bias_.tracked());  // [size, count K]
    const Tensor mean_loss = cross_entropy(reshape(logits, {size * count_, classes_}), target);
    // The sum over the regressions of each one's mean over the batch.
    tape::backward(scale(mean_loss, static_cast<double>(count_)));
    arena_.finish_step();
    backend_.fill(rate_, cosine);
    backend_.sgd_step({.momentum = momentum}, segments_, rate_, gradient_scale_, arena_.gradients(),
                      arena_.values(), velocity_);
  }

  Backend& backend_;
  int64_t count_;
  int64_t classes_;   // K
  Parameter weight_;  // [count K, D]
  Parameter bias_;    // [count K]
  ParameterArena arena_;
  Tensor velocity_;
  Tensor rate_;            // [1]
  Tensor gradient_scale_;  // [1]
  std::vector<OptimizerSegment> segments_;
};

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
  candidates.train(x, train_labels, parts.learned, options);
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
  chosen.train(x, train_labels, all, options);
  result.predictions = chosen.predict(standardize(test, statistics), 0);
  return result;
}

}  // namespace amcl
