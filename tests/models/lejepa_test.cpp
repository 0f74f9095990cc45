#include "models/methods/lejepa.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "engine/backend/open.h"
#include "models/objectives/lejepa.h"
#include "tests/models/loss_gradient.h"
#include "tests/models/random_images.h"
#include "tests/support/backends.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

constexpr int64_t kHeads = 2;
constexpr int64_t kImages = 5;
constexpr int64_t kFeatures = 4;

Tensor normal(uint64_t seed, const Shape& shape = {kHeads, 2 * kImages, kFeatures}) {
  return test::Rng(seed).normal(test::plain(), shape);
}

Tensor directions_of(int64_t slices) {
  return l2_normalize(normal(9, {slices, kFeatures}));
}

double value(const Loss& loss) {
  return loss.total.item();
}

LejepaOptions small() {
  return {.backbone = {.width = 4},
          .projector = {.heads = kHeads, .hidden = 12, .dim = 8, .norm = HeadNorm::hidden},
          .slices = 16};
}

// The loss of a method reads its directions; nothing else shows them.
double loss_at(Lejepa& method, int64_t step, const Tensor& z) {
  method.prepare_step(step, 100);
  return value(method.loss({z}));
}

TEST_CASE("sigreg: a standard normal sample has a small distance, one of another width does not") {
  const Tensor x = test::Rng(3).normal(test::plain(), {1, 4000, kFeatures});
  const Tensor directions = directions_of(8);
  // Of a sample of the normal int (1 - exp(-t^2)) exp(-t^2/2) dt, for any number of rows.
  const double expected = std::sqrt(2.0 * std::numbers::pi) * (1.0 - 1.0 / std::numbers::sqrt3);
  const double found = sigreg(x, directions).item();
  CHECK(found > 0.2 * expected);
  CHECK(found < 3.0 * expected);
  CHECK(sigreg(scale(x, 1.5), directions).item() > 50.0 * expected);
  CHECK(sigreg(affine(x, 1.0, 0.5), directions).item() > 50.0 * expected);
}

TEST_CASE("sigreg: a collapse is as far as the integral says, of many rows or few") {
  const double integral =
      std::sqrt(2.0 * std::numbers::pi) * (1.0 - std::numbers::sqrt2 + 1.0 / std::numbers::sqrt3);
  for (const int64_t rows : {2, 50}) {
    const Tensor zeros = Tensor::zeros(test::plain(), {kHeads, rows, kFeatures}, DType::f64);
    const Tensor found = sigreg(zeros, directions_of(3));
    CHECK(found.shape() == Shape{kHeads});
    CHECK(found.to_host<double>()[1] ==
          doctest::Approx(static_cast<double>(rows) * integral).epsilon(1e-5));
  }
}

TEST_CASE("sigreg: a direction and its opposite measure the same") {
  const Tensor x = normal(1);
  CHECK(sigreg(x, scale(directions_of(7), -1.0)).to_host<double>()[0] ==
        doctest::Approx(sigreg(x, directions_of(7)).to_host<double>()[0]));
}

TEST_CASE("lejepa: at lambda 0 the mean squared distance to the mean of the views is left") {
  // One image pair apart by 2 in every feature of head 0, equal in head 1, and one that is equal.
  std::vector<double> values(kHeads * 4 * kFeatures, 1.0);
  for (size_t i = 0; i < kFeatures; ++i) values[i] = 3.0;
  const Tensor z = Tensor::from_host<double>(test::plain(), {kHeads, 4, kFeatures}, values);
  const Loss loss = lejepa(z, directions_of(3), 0.0);
  CHECK(loss.per_head.to_host<double>() == std::vector<double>{0.5, 0.0});
  const Tensor first = slice(z, 1, 0, 2);
  const Tensor second = slice(z, 1, 2, 4);
  CHECK(value(lejepa(z, directions_of(3), 1.0)) ==
        doctest::Approx(0.5 * (sum(sigreg(first, directions_of(3))).item() +
                               sum(sigreg(second, directions_of(3))).item())));
}

TEST_CASE("lejepa: gradients agree with differences, and directions get none") {
  const Tensor directions = directions_of(7);
  const std::vector<Tensor> z = {normal(1)};
  for (const double lambda : {0.0, 0.05, 1.0})
    CHECK(test::gradient_error([&](auto in) { return lejepa(in[0], directions, lambda); }, z, {},
                               /*seed=*/4) < 1e-6);
  const TapeScope scope;
  const Tensor rows = tape::leaf(z[0]);
  const Tensor constant = tape::leaf(directions);
  tape::backward(lejepa(rows, constant, 0.5).total);
  CHECK(tape::gradient(rows).defined());
  CHECK_FALSE(tape::gradient(constant).defined());
}

TEST_CASE("lejepa: each step has directions of its own, the same again for the same seed") {
  const auto backend = open_backend("plain");
  Lejepa method(*backend, 1, small());
  Lejepa again(*backend, 1, small());
  Lejepa other(*backend, 2, small());
  const Tensor z = test::random_images(*backend, Shape{kHeads, 2 * kImages, 8}, 5);
  const double before = value(method.loss({z}));
  const double first = loss_at(method, 1, z);
  CHECK(first == before);
  CHECK(loss_at(method, 2, z) != first);
  CHECK(loss_at(method, 1, z) == first);
  CHECK(loss_at(again, 1, z) == first);
  CHECK(loss_at(other, 1, z) != first);
}

TEST_CASE("lejepa: the directions have length one, so that with one feature all measure the same") {
  const auto backend = open_backend("plain");
  LejepaOptions options = small();
  options.projector.dim = 1;
  Lejepa method(*backend, 1, options);
  const Tensor z = test::random_images(*backend, Shape{kHeads, 2 * kImages, 1}, 5);
  const Tensor one = Tensor::from_host<float>(*backend, {1, 1}, std::vector{1.0F});
  CHECK(value(method.loss({z})) == doctest::Approx(value(lejepa(z, one, options.lambda))));
}

TEST_CASE("lejepa: the directions favour none") {
  // Of rows that are all x the distance depends on a.x alone, so on the angle between a and x.
  const auto backend = open_backend("plain");
  LejepaOptions options = small();
  options.lambda = 1.0;
  options.slices = 4096;
  Lejepa method(*backend, 1, options);
  const auto along = [&](size_t axis) {
    std::vector<float> values(kHeads * 4 * 8, 0.0F);
    for (size_t i = axis; i < values.size(); i += 8) values[i] = 2.0F;
    return value(method.loss({Tensor::from_host<float>(*backend, {kHeads, 4, 8}, values)}));
  };
  for (const size_t axis : {1, 5, 7}) CHECK(along(axis) == doctest::Approx(along(0)).epsilon(0.03));
}

TEST_CASE("lejepa: what cannot be is refused") {
  const auto backend = open_backend("plain");
  const auto refuse = [&](const LejepaOptions& options, const char* message) {
    CHECK_THROWS_WITH_AS(Lejepa(*backend, 1, options), doctest::Contains(message), Error);
  };
  LejepaOptions options = small();
  options.lambda = 1.5;
  refuse(options, "lejepa_lambda: must be from 0 to 1, got 1.5");
  options = small();
  options.slices = 0;
  refuse(options, "lejepa_slices: must be at least 1, got 0");
  CHECK_THROWS_WITH_AS(lejepa(normal(1, {1, 2, kFeatures}), directions_of(3), 0.1),
                       doctest::Contains("lejepa: "), Error);
  CHECK_THROWS_WITH_AS(lejepa(normal(1), directions_of(3), -0.1),
                       doctest::Contains("lambda must be from 0 to 1, got -0.1"), Error);
  CHECK_THROWS_WITH_AS(sigreg(normal(1, {1, 4, 3}), directions_of(3)),
                       doctest::Contains("directions [S, d], got [1, 4, 3] and [3, 4]"), Error);
}

}  // namespace
}  // namespace amcl
