// How well a fine-tuned run does on the test images of its data, which it has not seen before its end.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "engine/backend/backend.h"
#include "train/config/config.h"
#include "train/evaluation/classifier_scores.h"

namespace amcl {

struct TestScore {
  std::optional<ClassifierScores> scores =
      {};            // none where there are no test images with its classes
  std::string text;  // for people, or why there are none
};

// Of the best checkpoint of the run (read_best_checkpoint, with its `warn`).
TestScore score_on_test(const Config& config, Backend& backend, const std::string& run,
                        const std::function<void(const std::string&)>& warn);

}  // namespace amcl
