// How well a classifier does on images whose labels are known.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "engine/backend/backend.h"
#include "train/evaluation/embed.h"

namespace amcl {

struct ClassifierScores {
  int64_t images = 0;
  double top1 = 0.0;  // percent
  double loss = 0.0;  // mean cross-entropy, nats
};

// Logits [N, K], or [1, N, K], of normalised images [N, H, W, 3].
using Logits = std::function<Tensor(const Tensor& images)>;

// Of all images of the set, not augmented, up to `at_once` at a time. Labels must be below K. Throws
// Error(numeric) if a logit is not finite.
ClassifierScores score_classifier(
    const Logits& logits, Backend& backend, const Dataset& dataset,
    int64_t at_once = kEmbeddedAtOnce, const BetweenBatches& between = [] {});

// What keeps a classifier of `classes` classes of these names (none: not known) from being scored on the
// labels of the set ("class 3 is called dog, in the set cat"); empty if nothing does.
std::string class_difference(int64_t classes, const std::vector<std::string>& names,
                             const Dataset& dataset);

}  // namespace amcl
