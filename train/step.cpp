#include "train/step.h"

#include <algorithm>
#include <cmath>

#include "train/micro_batches.h"

namespace amcl {
namespace {

[[noreturn]] void fail_not_finite(const char* what, const Method& method, const StepResult& result,
                                  const StepOptions& options) {
  std::string temperatures;
  if (!result.statistics.empty()) {
    const auto value = [&](size_t head, PairStatistic statistic) {
      return result.statistics[head * kPairStatistics + statistic];
    };
    double low = value(0, kTemperatureMin);
    double high = value(0, kTemperatureMax);
    double logit = value(0, kLogitAbsMax);
    for (size_t head = 1; head < result.per_head.size(); ++head) {
      low = std::min(low, value(head, kTemperatureMin));
      high = std::max(high, value(head, kTemperatureMax));
      logit = std::max(logit, value(head, kLogitAbsMax));
    }
    // The extremes pass over values that are not numbers, the mean does not.
    temperatures =
        low <= high ? concat_text("temperatures ", low, " to ", high) : "temperatures not a number";
    temperatures += std::isfinite(value(0, kPositiveSimilarityMean))
                        ? concat_text(", largest |logit| ", logit, "; ")
                        : ", similarities not a number; ";
  }
  fail(ErrorKind::numeric, "objective ", method.objective_name(), ": the ", what, " of step ",
       options.number, " is not finite (", temperatures, "learning rate ", options.rate,
       "); a smaller --lr, --clip-norm or a longer --warmup-epochs helps");
}

// Reads the loss; fails if it is not finite.
void take_loss(const Loss& loss, const Method& method, const StepOptions& options,
               StepResult& result) {
  result.loss = loss.total.item();
  result.per_head = loss.per_head.to_host<double>();
  if (loss.statistics.defined()) result.statistics = loss.statistics.to_host<double>();
  if (!std::isfinite(result.loss)) fail_not_finite("loss", method, result, options);
}

void differentiate(Method& method, const Tensor& images, const StepOptions& options,
                   StepResult& result) {
  const TapeScope scope;
  const Projections projections = method.project(images, options.context);
  const Loss loss = method.loss(projections);
  take_loss(loss, method, options, result);
  tape::backward(loss.total);
  for (const Tensor& projection : projections)
    result.projections.push_back(tape::detach(projection));
  result.features = method.projected_features();
}

// The loss reads projections that were made part by part and not recorded; its gradient in them is
// where each part, projected once more, starts its backward pass (Gao, Zhang, Han, Callan, "Scaling
// deep contrastive learning batch size under memory limited setup", RepL4NLP 2021).
void differentiate_in_parts(Method& method, const Tensor& images, const StepOptions& options,
                            StepResult& result) {
  const MicroBatches parts(images, options.micro_batch);
  std::vector<Projections> made;
  for (int64_t part = 0; part < parts.count(); ++part) {
    made.push_back(method.project(parts.images(part), options.context));
    // The features travel along, as one more [1, rows, D].
    const Tensor& features = method.projected_features();
    made.back().push_back(features.view({1, features.dim(0), features.dim(1)}));
  }
  result.projections = parts.join(made);
  made.clear();
  const Tensor features = result.projections.back();
  result.projections.pop_back();
  result.features = features.view({features.dim(1), features.dim(2)});

  Projections cotangents;
  {
    const TapeScope scope;
    Projections leaves;
    for (const Tensor& projection : result.projections) leaves.push_back(tape::leaf(projection));
    const Loss loss = method.loss(leaves);
    take_loss(loss, method, options, result);
    tape::backward(loss.total);
    for (const Tensor& leaf : leaves) cotangents.push_back(tape::gradient(leaf));
  }
  ForwardContext again = options.context;
  again.update_running_statistics = false;
  for (int64_t part = 0; part < parts.count(); ++part) {
    const TapeScope scope;
    const Projections projections = method.project(parts.images(part), again);
    std::vector<Tensor> outputs;
    std::vector<Tensor> gradients;
    for (size_t i = 0; i < projections.size(); ++i) {
      if (!cotangents[i].defined() || !tape::tracks(projections[i])) continue;
      outputs.push_back(projections[i]);
      gradients.push_back(parts.rows(cotangents[i], part));
    }
    tape::backward(outputs, gradients);
  }
}

}  // namespace

StepResult training_step(Method& method, ParameterArena& arena, Optimizer& optimizer,
                         const Tensor& images, const StepOptions& options) {
  StepResult result;
  arena.begin_step();
  method.begin_step(options.number);
  if (options.micro_batch > 0 && 2 * options.micro_batch < images.dim(0))
    differentiate_in_parts(method, images, options, result);
  else
    differentiate(method, images, options, result);
  arena.finish_step();
  result.gradient_norm = optimizer.measure_gradient_norm();
  if (!std::isfinite(result.gradient_norm)) fail_not_finite("gradient", method, result, options);
  optimizer.step(options.rate, options.number, options.peak);
  method.finish_step();
  return result;
}

}  // namespace amcl
