// Weighted k nearest neighbours (Wu, Xiong, Yu, Lin, "Unsupervised feature learning via
// non-parametric instance discrimination", CVPR 2018): the k most similar images of a bank vote for
// their classes with weight exp(similarity / temperature).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "engine/core/tensor.h"

namespace amcl {

struct KnnOptions {
  int64_t k = 200;  // neighbours that vote; all of the bank if it has fewer
  double temperature = 0.1;
};

struct Neighbour {
  double similarity = 0.0;  // cosine
  int32_t index = 0;        // into the bank

  bool operator==(const Neighbour&) const = default;
};

struct KnnResult {
  int64_t k = 0;                      // neighbours that did vote
  std::vector<Neighbour> neighbours;  // [queries, k], the nearest first; equal ones by index
  // [queries, classes], divided by the weight of the query's nearest neighbour, so that no
  // temperature overflows.
  std::vector<double> votes;
  std::vector<int32_t> predictions;  // [queries]; the lowest of equal classes
};

// Rows are normalised here. bank [n, D], queries [q, D]; labels of the bank in [0, classes).
KnnResult knn_classify(const Tensor& bank, std::span<const int32_t> bank_labels,
                       const Tensor& queries, int64_t classes, const KnnOptions& options);

// Percent of predictions that are the label.
double top1_percent(std::span<const int32_t> predictions, std::span<const int32_t> labels);

}  // namespace amcl
