#include "tests/support/gradcheck.h"

#include <cmath>
#include <limits>
#include <vector>

#include "engine/autograd/tape.h"
#include "engine/backend/backend.h"
#include "tests/support/rng.h"

namespace amcl::test {
namespace {

using Values = std::vector<double>;

// One check of one function at one point.
class Gradcheck {
 public:
  Gradcheck(const Function& function, std::span<const Tensor> inputs,
            const GradcheckOptions& options)
      : function_(function), options_(options), rng_(options.seed) {
    for (const Tensor& input : inputs) inputs_.push_back(tape::detach(input));
    const Tensor y = function_(inputs_);
    cotangent_ = rng_.normal(y.device(), y.shape(), y.dtype());
    cotangent_values_ = cotangent_.to_host<double>();
  }

  std::string run() {
    const std::vector<Values> gradients = backward(followed(true), 1);
    std::string problem = check_bookkeeping(gradients);
    for (size_t i = 0; i < inputs_.size() && problem.empty(); ++i) {
      problem = check_elements(i, gradients[i]);
      if (problem.empty()) problem = check_direction(i, gradients[i]);
    }
    return problem;
  }

 private:
  std::vector<bool> followed(bool all, size_t only = 0) const {
    std::vector<bool> result(inputs_.size(), all);
    result[only] = true;
    return result;
  }

  // Gradients of the inputs, NaN where none was written, after `uses` calls of the function on the
  // same leaves.
  std::vector<Values> backward(const std::vector<bool>& follow, int uses) const {
    const TapeScope scope;
    std::vector<GradientSlot> slots(inputs_.size());
    std::vector<Tensor> leaves;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      slots[i].gradient = Tensor::empty_like(inputs_[i]);
      backend_of(inputs_[i]).fill(slots[i].gradient, std::numeric_limits<double>::quiet_NaN());
      leaves.push_back(follow[i] ? tape::leaf(inputs_[i], slots[i]) : inputs_[i]);
    }
    std::vector<Tensor> outputs;
    for (int use = 0; use < uses; ++use) outputs.push_back(function_(leaves));
    const std::vector<Tensor> cotangents(outputs.size(), cotangent_);
    tape::backward(outputs, cotangents);
    std::vector<Values> result;
    for (const GradientSlot& slot : slots) result.push_back(slot.gradient.to_host<double>());
    return result;
  }

  std::string check_bookkeeping(const std::vector<Values>& gradients) const {
    for (size_t i = 0; i < gradients.size(); ++i)
      for (size_t j = 0; j < gradients[i].size(); ++j)
        if (!std::isfinite(gradients[i][j]))
          return concat_text("the gradient of input ", i, " at element ", j, " is ",
                             gradients[i][j],
                             ": not written, or computed from what memory held before");

    const std::vector<Values> twice = backward(followed(true), 2);
    for (size_t i = 0; i < gradients.size(); ++i)
      for (size_t j = 0; j < gradients[i].size(); ++j)
        if (!(std::abs(twice[i][j] - 2.0 * gradients[i][j]) <= 1e-12 * scale(gradients[i])))
          return concat_text("two uses of input ", i, " must add their gradients at element ", j,
                             ": one gives ", gradients[i][j], ", two give ", twice[i][j]);

    for (size_t i = 0; i < gradients.size(); ++i)
      if (backward(followed(false, i), 1)[i] != gradients[i])
        return concat_text("the gradient of input ", i,
                           " changes when the other inputs are constants");
    return "";
  }

  // The magnitude that errors in a gradient are measured against: rounding in sums
  // of cotangents counts too, where the gradient itself cancels to almost nothing.
  double scale(const Values& gradient) const {
    const auto rms = [](const Values& values) {
      double squares = 0.0;
      for (const double value : values) squares += value * value;
      return std::sqrt(squares / static_cast<double>(values.size()));
    };
    return rms(gradient) + 1e-3 * rms(cotangent_values_);
  }

  // The derivative of <cotangent, function> along `direction` (of input i), and a second estimate.
  struct Differences {
    double fine;
    double coarse;
  };
  Differences differences(size_t i, const Values& direction) const {
    const auto at = [&](double step) {
      const auto side = [&](double signed_step) {
        Values moved = inputs_[i].to_host<double>();
        for (size_t j = 0; j < moved.size(); ++j) moved[j] += signed_step * direction[j];
        std::vector<Tensor> inputs = inputs_;
        inputs[i] = Tensor::from_host<double>(inputs_[i].device(), inputs_[i].shape(), moved);
        const Values y = function_(inputs).to_host<double>();
        double sum = 0.0;
        for (size_t j = 0; j < y.size(); ++j) sum += cotangent_values_[j] * y[j];
        return sum;
      };
      return (side(step) - side(-step)) / (2.0 * step);
    };
    return {at(options_.step), at(2.0 * options_.step)};
  }

  std::string judge(size_t i, const std::string& where, double analytic, const Differences& numeric,
                    double magnitude) const {
    const double allowed = options_.tolerance * (std::abs(numeric.fine) + magnitude);
    if (std::abs(numeric.fine - numeric.coarse) > allowed)
      return concat_text("input ", i, where, ": the differences at two steps disagree, ",
                         numeric.fine, " and ", numeric.coarse,
                         ": a kink of the function, choose another point");
    if (!(std::abs(analytic - numeric.fine) <= allowed))
      return concat_text("input ", i, where, ": the gradient is ", analytic, ", differences give ",
                         numeric.fine);
    return "";
  }

  std::string check_elements(size_t i, const Values& gradient) {
    for (const int64_t element : rng_.sample(inputs_[i].count(), options_.elements)) {
      Values direction(gradient.size(), 0.0);
      direction[static_cast<size_t>(element)] = 1.0;
      const std::string problem =
          judge(i, concat_text(" element ", element), gradient[static_cast<size_t>(element)],
                differences(i, direction), scale(gradient));
      if (!problem.empty()) return problem;
    }
    return "";
  }

  std::string check_direction(size_t i, const Values& gradient) {
    Tensor drawn = rng_.normal(inputs_[i].device(), inputs_[i].shape());
    Values direction = drawn.to_host<double>();
    const double length = std::sqrt(static_cast<double>(direction.size()));
    double analytic = 0.0;
    for (size_t j = 0; j < direction.size(); ++j) {
      direction[j] /= length;
      analytic += direction[j] * gradient[j];
    }
    return judge(i, " along a random direction", analytic, differences(i, direction),
                 scale(gradient));
  }

  const Function& function_;
  GradcheckOptions options_;
  Rng rng_;
  std::vector<Tensor> inputs_;
  Tensor cotangent_;
  Values cotangent_values_;
};

}  // namespace

std::string gradcheck(const Function& function, std::span<const Tensor> inputs,
                      const GradcheckOptions& options) {
  return Gradcheck(function, inputs, options).run();
}

}  // namespace amcl::test
