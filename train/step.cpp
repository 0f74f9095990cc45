#include "train/step.h"

#include <algorithm>
#include <cmath>

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

}  // namespace

StepResult training_step(Method& method, ParameterArena& arena, Optimizer& optimizer,
                         const Tensor& images, const StepOptions& options) {
  StepResult result;
  arena.begin_step();
  {
    const TapeScope scope;
    const Projections projections = method.project(images, options.context);
    const Loss loss = method.loss(projections);
    result.loss = loss.total.item();
    result.per_head = loss.per_head.to_host<double>();
    if (loss.statistics.defined()) result.statistics = loss.statistics.to_host<double>();
    if (!std::isfinite(result.loss)) fail_not_finite("loss", method, result, options);
    tape::backward(loss.total);
    for (const Tensor& projection : projections)
      result.projections.push_back(tape::detach(projection));
  }
  result.features = method.projected_features();
  arena.finish_step();
  result.gradient_norm = optimizer.measure_gradient_norm();
  if (!std::isfinite(result.gradient_norm)) fail_not_finite("gradient", method, result, options);
  optimizer.step(options.rate, options.number);
  method.finish_step();
  return result;
}

}  // namespace amcl
