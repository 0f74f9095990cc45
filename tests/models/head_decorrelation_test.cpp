#include "models/objectives/head_decorrelation.h"

#include <doctest/doctest.h>

#include <span>
#include <vector>

#include "engine/ops/ops.h"
#include "models/objectives/objective.h"
#include "tests/models/loss_gradient.h"
#include "tests/support/backends.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

constexpr int64_t kRows = 12;
constexpr int64_t kFeatures = 3;

Tensor one_head(uint64_t seed) {
  return test::Rng(seed).normal(test::plain(), {1, kRows, kFeatures});
}

Tensor heads_of(const std::vector<Tensor>& heads) {
  return concat(heads, 0);
}

TEST_CASE("head decorrelation: by hand, for features with uncorrelated columns") {
  // [C, 4, 2]. The columns are orthogonal and of mean 0; one is common to the heads.
  const double values[] = {1, 1, 1, -1, -1, 1,  -1, -1,  // head 1
                           1, 1, 1, -1, -1, -1, -1, 1};  // head 2
  const Tensor z = Tensor::from_host<double>(test::plain(), {2, 4, 2}, values);
  CHECK(head_decorrelation(z).item() == doctest::Approx(0.5).epsilon(1e-4));
  const Tensor first = z.slice(0, 1);
  CHECK(head_decorrelation(heads_of({first, first})).item() == doctest::Approx(1.0).epsilon(1e-4));
  // The features that the other head does not have.
  const Tensor apart = heads_of({slice(first, 2, 1, 2), slice(z.slice(1, 2), 2, 1, 2)});
  CHECK(head_decorrelation(apart).item() == doctest::Approx(0.0));
}

TEST_CASE("head decorrelation: the mean over the pairs of heads, whatever their scale") {
  const Tensor a = one_head(1);
  const Tensor b = one_head(2);
  const Tensor c = one_head(3);
  const auto of = [](const Tensor& x, const Tensor& y) {
    return head_decorrelation(heads_of({x, y})).item();
  };
  CHECK(head_decorrelation(heads_of({a, b, c})).item() ==
        doctest::Approx((of(a, b) + of(a, c) + of(b, c)) / 3.0));
  CHECK(of(affine(a, 30.0, 5.0), b) == doctest::Approx(of(a, b)).epsilon(1e-3));
}

TEST_CASE("head decorrelation: its gradient agrees with differences") {
  const Tensor z[] = {heads_of({one_head(1), one_head(2), one_head(3)})};
  const auto loss = [](std::span<const Tensor> in) {
    Loss result;
    result.total = head_decorrelation(in[0]);
    return result;
  };
  CHECK(test::gradient_error(loss, z, {}, 5) < 1e-6);
}

TEST_CASE("head decorrelation: one head is refused") {
  CHECK_THROWS_WITH_AS(head_decorrelation(one_head(1)),
                       "head_decorrelation: z must be [heads, rows, d] with at least 2 heads, got "
                       "[1, 12, 3]",
                       Error);
}

}  // namespace
}  // namespace amcl
