#include "train/evaluation/knn.h"

#include <algorithm>
#include <cmath>

#include "engine/core/parallel_for.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

constexpr int64_t kBlockElements = 1 << 22;  // similarities on the host at a time: 32 MiB

bool nearer(const Neighbour& a, const Neighbour& b) {
  return a.similarity > b.similarity || (a.similarity == b.similarity && a.index < b.index);
}

// The most similar entries of a row, nearest first. The heap's top is the farthest one kept, which
// nearly every entry of a long row fails to beat.
void find_nearest(std::span<const double> similarities, std::span<Neighbour> nearest) {
  size_t kept = 0;
  for (size_t i = 0; i < similarities.size(); ++i) {
    const Neighbour candidate{similarities[i], static_cast<int32_t>(i)};
    if (kept < nearest.size()) {
      nearest[kept++] = candidate;
      std::push_heap(nearest.begin(), nearest.begin() + static_cast<std::ptrdiff_t>(kept), nearer);
    } else if (nearer(candidate, nearest.front())) {
      std::pop_heap(nearest.begin(), nearest.end(), nearer);
      nearest.back() = candidate;
      std::push_heap(nearest.begin(), nearest.end(), nearer);
    }
  }
  std::sort_heap(nearest.begin(), nearest.end(), nearer);
}

void vote(std::span<const Neighbour> nearest, std::span<const int32_t> labels, double temperature,
          std::span<double> votes) {
  for (const Neighbour& neighbour : nearest)
    votes[static_cast<size_t>(labels[static_cast<size_t>(neighbour.index)])] +=
        std::exp((neighbour.similarity - nearest.front().similarity) / temperature);
}

void check_input(const Tensor& bank, std::span<const int32_t> bank_labels, const Tensor& queries,
                 int64_t classes, const KnnOptions& options) {
  AMCL_CHECK(options.k >= 1, "k: must be at least 1, got ", options.k);
  AMCL_CHECK(options.temperature > 0.0, "knn_temperature: must be above 0, got ",
             options.temperature);
  AMCL_CHECK(
      bank.rank() == 2 && queries.rank() == 2 && bank.dim(1) == queries.dim(1) && bank.dim(0) >= 1,
      "knn: needs bank [n, D] and queries [q, D], got ", bank.shape(), " and ", queries.shape());
  AMCL_CHECK(static_cast<int64_t>(bank_labels.size()) == bank.dim(0), "knn: ", bank.dim(0),
             " images and ", bank_labels.size(), " labels");
  for (const int32_t label : bank_labels)
    AMCL_CHECK(label >= 0 && label < classes, "knn: label ", label, " of ", classes, " classes");
}

}  // namespace

KnnResult knn_classify(const Tensor& bank, std::span<const int32_t> bank_labels,
                       const Tensor& queries, int64_t classes, const KnnOptions& options) {
  check_input(bank, bank_labels, queries, classes, options);
  const int64_t bank_count = bank.dim(0);
  const int64_t query_count = queries.dim(0);
  const auto k = static_cast<size_t>(std::min(options.k, bank_count));
  const auto class_count = static_cast<size_t>(classes);
  KnnResult result{.k = static_cast<int64_t>(k),
                   .neighbours = std::vector<Neighbour>(static_cast<size_t>(query_count) * k),
                   .votes = std::vector<double>(static_cast<size_t>(query_count) * class_count),
                   .predictions = std::vector<int32_t>(static_cast<size_t>(query_count))};

  const Tensor bank_rows = l2_normalize(bank);
  const Tensor query_rows = l2_normalize(queries);
  const int64_t block = std::max<int64_t>(1, kBlockElements / bank_count);
  for (int64_t first = 0; first < query_count; first += block) {
    const int64_t rows = std::min(block, query_count - first);
    const std::vector<double> similarities =
        matmul(query_rows.slice(first, first + rows), bank_rows, {.trans_b = true})
            .to_host<double>();  // [rows, n]
    parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const auto query = static_cast<size_t>(first + row);
        const auto nearest = std::span(result.neighbours).subspan(query * k, k);
        const auto votes = std::span(result.votes).subspan(query * class_count, class_count);
        find_nearest(
            std::span(similarities)
                .subspan(static_cast<size_t>(row * bank_count), static_cast<size_t>(bank_count)),
            nearest);
        vote(nearest, bank_labels, options.temperature, votes);
        result.predictions[query] =
            static_cast<int32_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
      }
    });
  }
  return result;
}

double top1_percent(std::span<const int32_t> predictions, std::span<const int32_t> labels) {
  AMCL_CHECK(predictions.size() == labels.size() && !labels.empty(), "top-1: ", predictions.size(),
             " predictions for ", labels.size(), " labels");
  int64_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i) right += predictions[i] == labels[i] ? 1 : 0;
  return 100.0 * static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace amcl
