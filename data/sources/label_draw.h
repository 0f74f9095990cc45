// Which labels of a set are learned from when only some are wanted.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace amcl {

// What is wrong with a number of labels as one writes it: "all", "1%", "500"; empty if nothing.
std::string labels_complaint(const std::string& wanted);

// Indices into the labels, ascending.
struct LabelDraw {
  std::vector<int64_t> learned;
  std::vector<int64_t> held_out;  // a tenth of each class, at least 1 where there are 2
};

// Draws `wanted` (labels_complaint) of the labels by the seed, as many of each class as of any other as
// long as it has some: the first of a larger draw by the same seed are a smaller one. Error(data) where
// there are no labels or all are of one class, Error(usage) where they are fewer than asked for, or the
// classes more.
LabelDraw draw_labels(const Dataset& dataset, const std::string& wanted, uint64_t seed);

}  // namespace amcl
