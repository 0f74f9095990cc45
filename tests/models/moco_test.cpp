#include "models/methods/moco.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "engine/backend/open.h"
#include "models/methods/simclr.h"
#include "models/objectives/info_nce_queue.h"
#include "tests/models/random_images.h"

namespace amcl {
namespace {

constexpr int64_t kImages = 4;

MocoOptions small(int64_t queue = 24) {
  return {
      .backbone = {.width = 4}, .projector = {.heads = 2, .hidden = 12, .dim = 8}, .queue = queue};
}

struct State {
  std::map<std::string, Tensor> parameters;
  std::map<std::string, Tensor> buffers;

  explicit State(Method& method) {
    method.visit(
        {.parameter = [&](const std::string& name, Parameter& p) { parameters[name] = p.value; },
         .buffer = [&](const std::string& name, Tensor& b) { buffers[name] = b; }});
  }
  std::vector<float> buffer(const std::string& name) { return buffers.at(name).to_host<float>(); }
};

Tensor views(Backend& backend, uint64_t seed = 1) {
  return test::random_images(backend, Shape{2 * kImages, 8, 8, 3}, seed);
}

constexpr ForwardContext kSplit{.batch_norm_groups = 4};  // two views in two parts

TEST_CASE("moco: the momentum encoder starts equal and follows by the moving average") {
  const auto backend = open_backend("plain");
  Moco method(*backend, 1, small());
  State state(method);
  std::map<std::string, std::vector<float>> start;
  for (auto& parameter : state.parameters) {
    const std::string& name = parameter.first;
    CAPTURE(name);
    start[name] = parameter.second.to_host<float>();
    CHECK(state.buffer("momentum_encoder." + name) == start[name]);
    backend->fill(parameter.second, 2.0);
  }
  method.prepare_step(2, 4);
  method.begin_step();
  for (const auto& entry : start) {
    const auto& before = entry.second;
    const std::string& name = entry.first;
    CAPTURE(name);
    const std::vector<float> now = state.buffer("momentum_encoder." + name);
    for (size_t i = 0; i < now.size(); ++i)
      REQUIRE(now[i] == doctest::Approx(0.99 * static_cast<double>(before[i]) + 0.02));
  }
}

TEST_CASE("moco: the keys get no gradient and nothing of the momentum encoder is recorded") {
  const auto backend = open_backend("plain");
  Moco method(*backend, 1, small());
  const TapeScope scope;
  const Projections projections = method.project(views(*backend), kSplit);
  REQUIRE(projections.size() == 2);
  CHECK(tape::tracks(projections[0]));
  CHECK_FALSE(tape::tracks(projections[1]));
}

TEST_CASE("moco: the loss is half the sum of the two directions") {
  const auto backend = open_backend("plain");
  Moco method(*backend, 1, small());
  const Projections made = method.project(views(*backend), kSplit);
  const Tensor& q = made[0];
  const Tensor& k = made[1];
  const auto part = [&](const Tensor& x, int64_t view) {
    return slice(x, 1, view * kImages, (view + 1) * kImages);
  };
  const Tensor queue = State(method).buffers.at("queue.*.keys");
  const double first =
      info_nce_queue(part(q, 0), part(k, 1), queue, {.temperature = 0.1}).total.item();
  const double second =
      info_nce_queue(part(q, 1), part(k, 0), queue, {.temperature = 0.1}).total.item();
  CHECK(method.loss(made).total.item() == doctest::Approx(0.5 * (first + second)).epsilon(1e-6));
}

TEST_CASE("moco: without symmetry view 1 queries keys of view 2") {
  const auto backend = open_backend("plain");
  MocoOptions options = small();
  options.symmetric = false;
  options.shuffle_bn = false;
  Moco method(*backend, 1, options);
  const Tensor images = views(*backend);
  const Projections made = method.project(images, {.batch_norm_groups = 1});
  CHECK(made[0].shape() == Shape{2, kImages, 8});
  Moco both(*backend, 1, small());
  const Projections of_both = both.project(images, {.batch_norm_groups = 2});
  const std::vector<float> expected = slice(of_both[0], 1, 0, kImages).to_host<float>();
  const std::vector<float> got = made[0].to_host<float>();
  for (size_t i = 0; i < got.size(); ++i)
    CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

TEST_CASE("moco: keys enter the queue after the step and go round") {
  const auto backend = open_backend("plain");
  Moco method(*backend, 1, small(/*queue=*/12));
  State state(method);
  std::vector<std::vector<float>> steps;
  for (int64_t number = 1; number <= 2; ++number) {
    method.prepare_step(number, 2);
    method.begin_step();
    const Projections made = method.project(views(*backend, static_cast<uint64_t>(number)), kSplit);
    const std::vector<float> before = state.buffer("queue.*.keys");
    method.loss(made);
    CHECK(state.buffer("queue.*.keys") == before);
    method.finish_step({});
    steps.push_back(l2_normalize(made[1]).to_host<float>());
  }
  // 16 keys passed through 12 places: keys 4 to 7 of step 2 are in places 0 to 3, its keys 0 to 3 in
  // places 8 to 11, and keys 4 to 7 of step 1 remain between them.
  const std::vector<float> queue = state.buffer("queue.*.keys");
  constexpr size_t kWidth = 8;
  const auto expect = [&](size_t place, const std::vector<float>& step, size_t row) {
    for (size_t head = 0; head < 2; ++head)
      for (size_t i = 0; i < kWidth; ++i)
        CHECK(queue[(head * 12 + place) * kWidth + i] == step[(head * 8 + row) * kWidth + i]);
  };
  for (size_t i = 0; i < 4; ++i) {
    expect(i, steps[1], 4 + i);
    expect(4 + i, steps[0], 4 + i);
    expect(8 + i, steps[1], i);
  }
}

TEST_CASE("moco: the queue starts with unit rows of the seed, different for each head") {
  const auto backend = open_backend("plain");
  Moco method(*backend, 1, small());
  const std::vector<float> keys = State(method).buffer("queue.*.keys");
  for (size_t row = 0; row < keys.size() / 8; ++row) {
    double squares = 0.0;
    for (size_t i = 0; i < 8; ++i)
      squares += static_cast<double>(keys[row * 8 + i] * keys[row * 8 + i]);
    CHECK(squares == doctest::Approx(1.0));
  }
  CHECK(keys[0] != keys[24 * 8]);
  Moco other(*backend, 2, small());
  CHECK(State(other).buffer("queue.*.keys") != keys);
}

TEST_CASE("moco: shuffling changes which keys share statistics, not which is whose") {
  const auto backend = open_backend("plain");
  MocoOptions options = small();
  Moco shuffled(*backend, 1, options);
  options.shuffle_bn = false;
  Moco straight(*backend, 1, options);
  const Tensor images = views(*backend);
  // One group per view: every order gives the same statistics, and the keys come back in place.
  const auto keys = [&](Moco& method, int64_t groups) {
    return method.project(images, {.batch_norm_groups = groups})[1].to_host<float>();
  };
  const std::vector<float> a = keys(shuffled, 2);
  const std::vector<float> b = keys(straight, 2);
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-3));
  CHECK(keys(shuffled, 4) != keys(straight, 4));
  // Each step draws anew, and the same again.
  const std::vector<float> first = keys(shuffled, 4);
  CHECK(keys(shuffled, 4) == first);
  shuffled.prepare_step(2, 4);
  CHECK(keys(shuffled, 4) != first);
}

TEST_CASE("moco: the chance level is log(1 + K) per head at any constant temperature") {
  const auto backend = open_backend("plain");
  CHECK(Moco(*backend, 1, small(24)).chance_level(kImages) ==
        doctest::Approx(2.0 * std::log(25.0)));
}

TEST_CASE("moco, simclr: without the positive the chance level counts the negatives alone") {
  const auto backend = open_backend("plain");
  MocoOptions options = small(24);
  options.objective.with_positive = false;
  CHECK(Moco(*backend, 1, options).chance_level(kImages) == doctest::Approx(2.0 * std::log(24.0)));
  const SimClr simclr(
      *backend, 1,
      {.backbone = {.width = 4}, .projector = {}, .objective = {.with_positive = false}});
  CHECK(simclr.chance_level(kImages) == doctest::Approx(std::log(2.0 * kImages - 2.0)));
}

TEST_CASE("moco: a queue without places and a momentum out of range are refused") {
  const auto backend = open_backend("plain");
  MocoOptions options = small(0);
  CHECK_THROWS_WITH_AS(Moco(*backend, 1, options), "queue: must hold at least 1 key, got 0", Error);
  options = small();
  options.encoder_momentum = 1.5;
  CHECK_THROWS_WITH_AS(Moco(*backend, 1, options), "encoder_momentum: must be from 0 to 1, got 1.5",
                       Error);
}

}  // namespace
}  // namespace amcl
