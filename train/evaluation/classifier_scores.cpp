#include "train/evaluation/classifier_scores.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "data/views/evaluation_batches.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

// -log of the probability that the logits give to `label`, in nats.
double cross_entropy_of(std::span<const double> logits, int64_t label) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const double logit : logits) sum += std::exp(logit - highest);
  return highest + std::log(sum) - logits[static_cast<size_t>(label)];
}

}  // namespace

ClassifierScores score_classifier(const Logits& logits, Backend& backend, const Dataset& dataset,
                                  int64_t at_once, const BetweenBatches& between) {
  ClassifierScores scores{.images = dataset.count()};
  at_once = std::min(at_once, embedded_at_once(dataset));
  int64_t right = 0;
  for (int64_t begin = 0; begin < dataset.count(); begin += at_once) {
    between();
    const int64_t end = std::min(begin + at_once, dataset.count());
    const std::vector<double> values =
        logits(evaluation_batch(backend, dataset, begin, end)).to_host<double>();
    const size_t classes = values.size() / static_cast<size_t>(end - begin);
    for (int64_t image = begin; image < end; ++image) {
      const std::span row =
          std::span(values).subspan(static_cast<size_t>(image - begin) * classes, classes);
      const int64_t label = dataset.labels[static_cast<size_t>(image)];
      scores.loss += cross_entropy_of(row, label);
      if (std::max_element(row.begin(), row.end()) - row.begin() == label) ++right;
    }
  }
  if (!std::isfinite(scores.loss))
    fail(ErrorKind::numeric, "the logits of ", dataset.name,
         " are not finite: the training of this model has failed");
  const auto images = static_cast<double>(scores.images);
  scores.top1 = 100.0 * static_cast<double>(right) / images;
  scores.loss /= images;
  return scores;
}

std::string class_difference(int64_t classes, const std::vector<std::string>& names,
                             const Dataset& dataset) {
  if (!dataset.labelled()) return concat_text(dataset.name, " has no labels");
  if (names.empty() || dataset.class_names.empty()) {
    const int64_t others = dataset.class_count();
    return others <= classes
               ? ""
               : concat_text(dataset.name, " has ", others, " classes, the classifier ", classes);
  }
  const auto [mine, theirs] = std::mismatch(names.begin(), names.end(), dataset.class_names.begin(),
                                            dataset.class_names.end());
  if (mine == names.end() && theirs == dataset.class_names.end()) return {};
  const auto called = [](auto name, const std::vector<std::string>& of) {
    return name == of.end() ? "nothing" : concat_text('\'', *name, '\'');
  };
  return concat_text("class ", mine - names.begin(), " of the classifier is ", called(mine, names),
                     ", of ", dataset.name, ' ', called(theirs, dataset.class_names));
}

}  // namespace amcl
