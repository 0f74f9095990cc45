// The loss over pairs that exist in tiles only, against its dense form: matmul and pair_loss.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/ops/ops.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/compute_threads.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

constexpr int64_t kHeads = 3;
constexpr int64_t kRows = 37;
// Rows of a tile: one, parts of a head of about equal size, whole heads, all at once.
constexpr int64_t kTiles[] = {1, 5, 20, kRows, 2 * kRows + 1, kHeads* kRows};

Tensor positives(Backend& backend, int64_t rows) {
  std::vector<int32_t> values;
  for (int64_t i = 0; i < rows; ++i) values.push_back(static_cast<int32_t>((i + rows / 2) % rows));
  return Tensor::from_host<int32_t>(backend, {rows}, values);
}

PairLossSpec spec_of(PairReducer reducer) {
  return {.reducer = reducer, .topk = 4, .anchor_beta = 0.3, .anchor_a = 5.0};
}

// Unit rows u that are anchors and candidates, and score rows p.
struct Rows {
  Tensor u;
  Tensor p;

  Rows(Backend& backend, DType dtype, const Shape& shape, uint64_t seed) {
    test::Rng rng(seed);
    u = l2_normalize(rng.normal(backend, shape, dtype));
    p = rng.normal(backend, shape, dtype);
  }
};

// The gradients are those of u and p.
struct Result {
  Tensor total, per_head, statistics, du, dp;

  std::vector<Tensor> all() const { return {total, per_head, statistics, du, dp}; }
};

Result dense(const Rows& rows, const PairLossSpec& spec) {
  const TapeScope scope;
  const Tensor u = tape::leaf(rows.u);
  const Tensor p = tape::leaf(rows.p);
  const PairLoss pairs = pair_loss(matmul(u, u, {.trans_b = true}), matmul(p, p, {.trans_b = true}),
                                   positives(backend_of(u), u.dim(1)), spec);
  const Tensor per_head = mean_rows(pairs.loss);
  const Tensor total = scale(sum(per_head), 0.7);
  tape::backward(total);
  return {total, per_head, pair_statistics(pairs.records, spec), tape::gradient(u),
          tape::gradient(p)};
}

Result tiled(const Rows& rows, const PairLossSpec& spec, int64_t tile_rows) {
  const TapeScope scope;
  const Tensor u = tape::leaf(rows.u);
  const Tensor p = tape::leaf(rows.p);
  const TotalPairLoss pairs =
      total_pair_loss({.anchors = u, .candidates = u}, {.rows = {.anchors = p, .candidates = p}},
                      positives(backend_of(u), u.dim(1)), spec, tile_rows);
  const Tensor total = scale(pairs.total, 0.7);
  tape::backward(total);
  return {total, pairs.per_head, pairs.statistics, tape::gradient(u), tape::gradient(p)};
}

TEST_CASE("total_pair_loss: the loss, statistics and gradients of the dense form, any tile") {
  struct Place {
    Backend* backend;
    DType dtype;
    double tolerance;
  };
  std::vector<Place> places = {{&test::plain(), DType::f64, 1e-12}};
  for (Backend* backend : test::fast_backends()) places.push_back({backend, DType::f32, 1e-5});
  for (const Place& place : places)
    for (const PairReducer reducer : {PairReducer::lse, PairReducer::topk, PairReducer::hard}) {
      const Rows rows(*place.backend, place.dtype, {kHeads, kRows, 9}, 31);
      const std::vector<Tensor> want = dense(rows, spec_of(reducer)).all();
      for (const int64_t tile_rows : kTiles) {
        INFO(std::string(place.backend->name()), ", reducer ", static_cast<int>(reducer),
             ", rows of a tile ", tile_rows);
        const std::vector<Tensor> got = tiled(rows, spec_of(reducer), tile_rows).all();
        for (size_t i = 0; i < want.size(); ++i)
          CHECK(test::difference(got[i], want[i], place.tolerance) == "");
      }
    }
}

TEST_CASE("total_pair_loss: the number of threads does not change a bit") {
  std::vector<Backend*> backends = test::fast_backends();
  backends.push_back(&test::plain());
  for (Backend* backend : backends) {
    INFO(std::string(backend->name()));
    const Rows rows(*backend, DType::f32, {2, 131, 16}, 32);
    std::vector<std::vector<double>> results;
    for (const int count : {1, 2}) {
      const test::ComputeThreads threads(count);
      results.emplace_back();
      for (const Tensor& part : tiled(rows, {}, 50).all()) {
        const auto values = part.to_host<double>();
        results.back().insert(results.back().end(), values.begin(), values.end());
      }
    }
    CHECK(results[0] == results[1]);
  }
}

// Bytes that `work` takes at once beside what is there.
template <class Work>
int64_t peak_bytes(Backend& backend, Work work) {
  Allocator& allocator = backend.allocator();
  const int64_t before = allocator.use().in_use;
  allocator.reset_peak();
  work();
  return allocator.use().peak - before;
}

// The most that one of the loss's products takes for itself, as a GPU's library does.
int64_t product_bytes(Backend& backend, int64_t rows, int64_t tile_rows) {
  Tensor all = Tensor::zeros(backend, {2, rows, 8}, DType::f32);
  Tensor tile = Tensor::zeros(backend, {2, tile_rows, 8}, DType::f32);
  Tensor pairs = Tensor::zeros(backend, {2, tile_rows, rows}, DType::f32);
  return std::max(
      {peak_bytes(backend, [&] { backend.matmul(tile, all, {.trans_b = true}, pairs); }),
       peak_bytes(backend, [&] { backend.matmul(pairs, all, {}, tile); }),
       peak_bytes(backend, [&] { backend.matmul(pairs, tile, {.trans_a = true}, all); })});
}

// Bytes of tensors at once with tiles of 16 rows, but for the rows themselves and what a product takes.
int64_t loss_bytes(Backend& backend, int64_t rows) {
  constexpr int64_t kTileRows = 16;
  const Rows inputs(backend, DType::f32, {2, rows, 8}, 33);
  return peak_bytes(backend, [&] { tiled(inputs, {}, kTileRows); }) -
         product_bytes(backend, rows, kTileRows);
}

TEST_CASE("total_pair_loss: memory grows with the rows, not with the pairs") {
  for (Backend* backend : test::fast_backends()) {
    INFO(std::string(backend->name()));
    const int64_t small = loss_bytes(*backend, 256);
    const int64_t large = loss_bytes(*backend, 1024);
    CHECK(large < 5 * small);
    CHECK(large < int64_t{1024} * 1024 * 4);  // one matrix of pairs
  }
}

TEST_CASE("total_pair_loss: gradients of constants are not computed") {
  const Rows rows(test::plain(), DType::f64, {1, 8, 3}, 34);
  const TapeScope scope;
  const Tensor u = tape::leaf(rows.u);
  const TotalPairLoss pairs = total_pair_loss({.anchors = u, .candidates = rows.p}, {},
                                              positives(test::plain(), 8), {.adaptive = false}, 2);
  CHECK(tape::tracks(pairs.total));
  CHECK(!tape::tracks(pairs.per_head));
  const TotalPairLoss constant = total_pair_loss({.anchors = rows.u, .candidates = rows.p}, {},
                                                 positives(test::plain(), 8), {.adaptive = false});
  CHECK(!tape::tracks(constant.total));
  CHECK(constant.total.item() == doctest::Approx(pairs.total.item()).epsilon(1e-12));
}

}  // namespace
}  // namespace amcl
