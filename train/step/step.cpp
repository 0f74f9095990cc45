#include "train/step/step.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "train/step/micro_batches.h"

namespace amcl {
namespace {

[[noreturn]] void fail_not_finite(const char* what, const Method& method, const StepResult& result,
                                  const StepNumbers& numbers) {
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
       numbers.number, " is not finite (", temperatures, "learning rate ", numbers.rate,
       "); a smaller --lr, --clip-norm or a longer --warmup-epochs helps");
}

Loss differentiate(Method& method, const Tensor& images, const StepOptions& options,
                   StepOutputs& outputs) {
  const TapeScope scope;
  const Projections projections = method.project(images, options.context);
  Loss loss = method.loss(projections);
  tape::backward(loss.total);
  for (const Tensor& projection : projections)
    outputs.projections.push_back(tape::detach(projection));
  outputs.features = method.projected_features();
  return loss;
}

// The loss reads projections that were made part by part and not recorded; its gradient in them is
// where each part, projected once more, starts its backward pass (Gao, Zhang, Han, Callan, "Scaling
// deep contrastive learning batch size under memory limited setup", RepL4NLP 2021).
Loss differentiate_in_parts(Method& method, const Tensor& images, const StepOptions& options,
                            StepOutputs& outputs) {
  const MicroBatches parts(images, method.views(), options.micro_batch);
  std::vector<Projections> made;
  for (int64_t part = 0; part < parts.count(); ++part) {
    made.push_back(method.project(parts.images(part), options.context));
    // The features travel along, as one more [1, rows, D].
    const Tensor& features = method.projected_features();
    made.back().push_back(features.view({1, features.dim(0), features.dim(1)}));
  }
  outputs.projections = parts.join(made);
  made.clear();
  const Tensor features = outputs.projections.back();
  outputs.projections.pop_back();
  outputs.features = features.view({features.dim(1), features.dim(2)});

  Loss loss;
  Projections cotangents;
  {
    const TapeScope scope;
    Projections leaves;
    for (const Tensor& projection : outputs.projections) leaves.push_back(tape::leaf(projection));
    loss = method.loss(leaves);
    tape::backward(loss.total);
    for (const Tensor& leaf : leaves) cotangents.push_back(tape::gradient(leaf));
  }
  ForwardContext again = options.context;
  again.update_running_statistics = false;
  for (int64_t part = 0; part < parts.count(); ++part) {
    const TapeScope scope;
    const Projections projections = method.project(parts.images(part), again);
    std::vector<Tensor> reached;
    std::vector<Tensor> gradients;
    for (size_t i = 0; i < projections.size(); ++i) {
      if (!cotangents[i].defined() || !tape::tracks(projections[i])) continue;
      reached.push_back(projections[i]);
      gradients.push_back(parts.rows(cotangents[i], part));
    }
    tape::backward(reached, gradients);
  }
  return loss;
}

// One tensor, so that the host fetches one.
Tensor gather_numbers(const Loss& loss, const Tensor& squares) {
  const std::array parts{loss.total, squares, loss.per_head, loss.statistics};
  int64_t count = 0;
  for (const Tensor& part : parts) count += part.defined() ? part.count() : 0;
  Tensor numbers = Tensor::empty(squares.device(), {count}, DType::f64);
  int64_t begin = 0;
  for (const Tensor& part : parts) {
    if (!part.defined()) continue;
    Tensor place = numbers.slice(begin, begin + part.count());
    backend_of(part).cast(part.view({part.count()}), place);
    begin += part.count();
  }
  return numbers;
}

}  // namespace

void prepare_step(Method& method, Optimizer& optimizer, const StepNumbers& numbers) {
  method.prepare_step(numbers.number, numbers.steps);
  if (numbers.temperature_warmup) method.set_temperature_warmup(*numbers.temperature_warmup);
  optimizer.prepare(numbers.rate, numbers.number, numbers.peak);
}

StepOutputs launch_step(Method& method, ParameterArena& arena, Optimizer& optimizer,
                        const Tensor& images, const StepOptions& options) {
  StepOutputs outputs;
  arena.begin_step();
  method.begin_step();
  const bool in_parts =
      options.micro_batch > 0 && method.views() * options.micro_batch < images.dim(0);
  const Loss loss = in_parts ? differentiate_in_parts(method, images, options, outputs)
                             : differentiate(method, images, options, outputs);
  arena.finish_step();
  optimizer.step(loss.total);
  method.finish_step(optimizer.gate());
  outputs.numbers = gather_numbers(loss, optimizer.gradient_squares());
  outputs.heads = loss.per_head.count();
  return outputs;
}

StepReading::StepReading(const StepOutputs& outputs, const StepNumbers& numbers)
    : numbers_(numbers),
      heads_(outputs.heads),
      count_(outputs.numbers.count()),
      read_(outputs.numbers.device().read_later(outputs.numbers.raw(),
                                                static_cast<size_t>(count_))) {}

StepResult StepReading::wait(const Method& method, Optimizer& optimizer) {
  const double* values = read_->wait();
  StepResult result;
  result.loss = values[0];
  result.gradient_norm = std::sqrt(values[1]);
  result.per_head.assign(values + 2, values + 2 + heads_);
  result.statistics.assign(values + 2 + heads_, values + count_);
  const bool loss_is_finite = std::isfinite(result.loss);
  if (!loss_is_finite || !std::isfinite(result.gradient_norm)) {
    optimizer.reset_gate();
    fail_not_finite(loss_is_finite ? "gradient" : "loss", method, result, numbers_);
  }
  return result;
}

StepResult training_step(Method& method, ParameterArena& arena, Optimizer& optimizer,
                         const Tensor& images, const StepNumbers& numbers,
                         const StepOptions& options) {
  prepare_step(method, optimizer, numbers);
  StepOutputs outputs = launch_step(method, arena, optimizer, images, options);
  StepResult result = StepReading(outputs, numbers).wait(method, optimizer);
  result.projections = std::move(outputs.projections);
  result.features = std::move(outputs.features);
  return result;
}

}  // namespace amcl
