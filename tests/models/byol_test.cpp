#include "models/methods/byol.h"

#include <doctest/doctest.h>

#include <array>
#include <map>

#include "engine/backend/open.h"
#include "tests/models/random_images.h"

namespace amcl {
namespace {

constexpr int64_t kImages = 4;
constexpr ForwardContext kViews{.batch_norm_groups = 2};

ByolOptions small() {
  return {.backbone = {.width = 4},
          .projector = {.heads = 2, .hidden = 12, .dim = 8, .norm = HeadNorm::hidden},
          .predictor_hidden = 6,
          .encoder_momentum = 0.9};
}

Tensor views(Backend& backend) {
  return test::random_images(backend, Shape{2 * kImages, 8, 8, 3}, 1);
}

// The value of the first filter's first number in the encoder and in the momentum encoder.
struct Pair {
  float trained = 0.0F;
  float average = 0.0F;

  explicit Pair(Method& method) {
    method.visit({.parameter =
                      [&](const std::string& name, Parameter& one) {
                        if (name == "backbone.conv1.weight")
                          trained = one.value.to_host<float>()[0];
                      },
                  .buffer =
                      [&](const std::string& name, Tensor& one) {
                        if (name == "momentum_encoder.backbone.conv1.weight")
                          average = one.to_host<float>()[0];
                      }});
  }
};

TEST_CASE("byol: the momentum rises from its base to 1 by half a cosine over the run") {
  const auto backend = open_backend("plain");
  Byol method(*backend, 1, small());
  const Pair start(method);
  CHECK(start.average == start.trained);
  method.visit({.parameter = [&](const std::string&,
                                 Parameter& one) { backend->fill(one.value, start.trained + 1.0); },
                .buffer = [](const std::string&, Tensor&) {}});
  // What a step of ten takes of the distance to the trained encoder: 1 - m.
  const auto taken = [&](int64_t number) {
    const Pair before(method);
    method.prepare_step(number, 10);
    method.begin_step();
    const Pair after(method);
    return static_cast<double>((after.average - before.average) /
                               (before.trained - before.average));
  };
  CHECK(taken(1) == doctest::Approx(0.1).epsilon(1e-4));
  CHECK(taken(6) == doctest::Approx(0.05).epsilon(1e-4));  // the middle
  CHECK(taken(11) == 0.0);
  CHECK(taken(12) == 0.0);
}

TEST_CASE("byol: the loss is 2 - 2 cos of either direction, and reads the other view's target") {
  const auto backend = open_backend("plain");
  Byol method(*backend, 1, small());
  const Tensor p = test::random_images(*backend, Shape{2, 2 * kImages, 8}, 3);
  const Tensor swapped = roll_rows(p, kImages);
  CHECK(method.loss({p, p, swapped}).total.item() == doctest::Approx(0.0).epsilon(1e-5));
  CHECK(method.loss({p, p, scale(swapped, -3.0)}).total.item() == doctest::Approx(2.0 * 8.0));
  CHECK(method.loss({p, p, scale(swapped, -3.0)}).per_head.to_host<float>()[1] ==
        doctest::Approx(8.0));
  CHECK(method.loss({p, p, p}).total.item() > 1.0);
}

TEST_CASE("byol: targets come from the momentum encoder and get no gradient") {
  const auto backend = open_backend("plain");
  Byol method(*backend, 1, small());
  const TapeScope scope;
  const Projections made = method.project(views(*backend), kViews);
  REQUIRE(made.size() == 3);
  // The two encoders start equal, and only one has a predictor.
  CHECK(made[2].to_host<float>() == made[0].to_host<float>());
  CHECK(made[1].to_host<float>() != made[0].to_host<float>());
  CHECK(tape::tracks(made[1]));
  CHECK_FALSE(tape::tracks(made[2]));
  const Tensor target = tape::leaf(tape::detach(made[2]));
  tape::backward(method.loss({made[0], made[1], target}).total);
  CHECK_FALSE(tape::gradient(target).defined());
}

TEST_CASE("byol: what cannot be is refused") {
  const auto backend = open_backend("plain");
  const auto refuse = [&](const ByolOptions& options, const char* message) {
    CHECK_THROWS_WITH_AS(Byol(*backend, 1, options), doctest::Contains(message), Error);
  };
  ByolOptions options = small();
  options.encoder_momentum = -0.1;
  refuse(options, "encoder_momentum: must be from 0 to 1, got -0.1");
  options = small();
  options.predictor_hidden = 0;
  refuse(options, "predictor_hidden: must be at least 1, got 0");
  Byol method(*backend, 1, small());
  const Tensor p = test::random_images(*backend, Shape{2, 4, 8}, 3);
  CHECK_THROWS_WITH_AS(method.loss({p, p, slice(p, 1, 0, 2)}),
                       doctest::Contains("must be [heads, 2N, d], got [2, 4, 8] and [2, 2, 8]"),
                       Error);
}

}  // namespace
}  // namespace amcl
