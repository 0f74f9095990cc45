#include "train/evaluation/softmax_regression.h"

#include <algorithm>

#include "engine/ops/ops.h"

namespace amcl {

SoftmaxRegressions::SoftmaxRegressions(Backend& backend, std::span<const double> rates,
                                       int64_t features, int64_t classes)
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
      one_(Tensor::empty(backend, {1}, DType::f32)) {
  backend.fill(one_, 1.0);
  for (const ParameterArena::Entry& entry : arena_.entries())
    for (int64_t i = 0; i < count_; ++i) {
      const int64_t size = (entry.end - entry.begin) / count_;
      const int64_t begin = entry.begin + i * size;
      segments_.push_back(
          {.begin = begin, .end = begin + size, .rate_scale = rates[static_cast<size_t>(i)]});
    }
}

void SoftmaxRegressions::step(const Tensor& x, std::span<const int32_t> labels, double factor,
                              double momentum) {
  std::vector<int32_t> targets;  // of image after image, for each regression
  for (const int32_t label : labels)
    targets.insert(targets.end(), static_cast<size_t>(count_), label);
  const auto size = static_cast<int64_t>(labels.size());
  const Tensor target = Tensor::from_host<int32_t>(backend_, {size * count_}, targets);

  TapeScope scope;
  arena_.begin_step();
  const Tensor logits = linear(x, weight_.tracked(), bias_.tracked());  // [size, count K]
  const Tensor mean_loss = cross_entropy(reshape(logits, {size * count_, classes_}), target);
  // The sum over the regressions of each one's mean over the batch.
  tape::backward(scale(mean_loss, static_cast<double>(count_)));
  arena_.finish_step();
  backend_.fill(rate_, factor);
  backend_.optimizer_step(SgdSpec{.momentum = momentum}, segments_, rate_, /*gradient_scale=*/one_,
                          /*step=*/one_, arena_.gradients(), arena_.values(), {&velocity_, 1});
}

std::vector<int32_t> SoftmaxRegressions::predict(const Tensor& x, int64_t which) const {
  const int64_t begin = which * classes_;
  const std::vector<double> logits = linear(x, weight_.value.slice(begin, begin + classes_),
                                            bias_.value.slice(begin, begin + classes_))
                                         .to_host<double>();  // [n, K]
  std::vector<int32_t> classes;
  for (auto row = logits.begin(); row != logits.end(); row += classes_)
    classes.push_back(static_cast<int32_t>(std::max_element(row, row + classes_) - row));
  return classes;
}

}  // namespace amcl
