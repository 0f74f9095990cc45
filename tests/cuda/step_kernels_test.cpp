// Kernels of the CUDA backend that no op of the table calls, on the emulated GPU against plain: the
// optimisers, moves, sums of squares, statistics of pairs, and augmentation.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/core/philox.h"
#include "tests/cuda/emulated_pair.h"

namespace amcl {
namespace {

using test::EmulatedPair;
using test::Twin;

// More segments than a launch takes, of every length around a block's part, with gaps; some empty.
std::vector<OptimizerSegment> many_segments() {
  std::vector<OptimizerSegment> segments;
  int64_t begin = 3;
  for (int64_t i = 0; i < 70; ++i) {
    const int64_t length = i == 5 ? 0 : (i % 23 == 0 ? 4095 + i / 23 : 1 + i % 7);
    segments.push_back({.begin = begin,
                        .end = begin + length,
                        .weight_decay = i % 2 == 0 ? 0.0 : 0.01,
                        .rate_scale = i % 3 == 0 ? 1.0 : 0.5,
                        .trust_ratio = i % 4 != 0});
    begin += length + i % 2;
  }
  return segments;
}

struct Optimization {
  explicit Optimization(EmulatedPair& pair)
      : segments(many_segments()),
        rate(pair.statistic({0.3})),
        scale(pair.statistic({0.7})),
        step(pair.statistic({3})),
        gradient(pair.normal({segments.back().end + 2})),
        value(pair.normal(gradient.got.shape())),
        first(pair.normal(gradient.got.shape())),
        second(pair.normal(gradient.got.shape())) {
    pair.run(
        [&](Backend& on, auto side) { on.unary(UnaryOp::square, side(second), side(second)); });
    second.want =
        Tensor::from_host<double>(test::plain(), second.got.shape(), second.got.to_host<double>());
  }

  std::vector<OptimizerSegment> segments;
  Twin rate;
  Twin scale;
  Twin step;
  Twin gradient;
  Twin value;
  Twin first;
  Twin second;
};

TEST_CASE("cuda kernels: optimisers over more segments than a launch takes") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    EmulatedPair pair(dtype, 1);
    for (const OptimizerRule& rule :
         std::vector<OptimizerRule>{SgdSpec{.momentum = 0.9, .nesterov = false},
                                    SgdSpec{.momentum = 0.9, .nesterov = true},
                                    LarsSpec{.momentum = 0.9, .trust = 0.02, .clip_ratio = false},
                                    LarsSpec{.momentum = 0.9, .trust = 0.02, .clip_ratio = true},
                                    AdamWSpec{.beta1 = 0.8, .beta2 = 0.9}}) {
      Optimization at(pair);
      pair.run([&](Backend& on, auto side) {
        std::array memories{side(at.first), side(at.second)};
        on.optimizer_step(rule, at.segments, side(at.rate), side(at.scale), side(at.step),
                          side(at.gradient), side(at.value), memories);
      });
      pair.check(at.value);
      pair.check(at.first);
      pair.check(at.second);
    }
  }
}

TEST_CASE("cuda kernels: lars takes segments whose norms are zero as they are") {
  EmulatedPair pair(DType::f32, 2);
  const std::vector<OptimizerSegment> segments{{.begin = 0, .end = 3}, {.begin = 3, .end = 6}};
  for (const bool clip : {false, true}) {
    Twin value = pair.statistic({0, 0, 0, 1, 2, 3});
    Twin gradient = pair.statistic({1, 2, 3, 0, 0, 0});
    Twin velocity = pair.statistic({1, 1, 1, 1, 1, 1});
    Twin rate = pair.statistic({0.5});
    Twin scale = pair.statistic({1.0});
    pair.run([&](Backend& on, auto side) {
      on.optimizer_step(LarsSpec{.clip_ratio = clip}, segments, side(rate), side(scale),
                        side(scale), side(gradient), side(value), {&side(velocity), 1});
    });
    pair.check(value);
    pair.check(velocity);
  }
}

TEST_CASE("cuda kernels: sums of squares, clipping and averages") {
  EmulatedPair pair(DType::f32, 3);
  for (const int64_t count : {1, 8191, 8192, 8193, 50001}) {
    Twin x = pair.normal({count});
    Twin sum = pair.empty({1});
    pair.run([&](Backend& on, auto side) { on.sum_of_squares(side(x), side(sum)); });
    pair.check(sum);
    for (const double limit : {1.0, 1e6}) {
      Twin scale = pair.statistic({1.0});
      Twin loss = pair.statistic({3.0});
      pair.run([&](Backend& on, auto side) {
        on.clip_scale(side(sum), side(loss), limit, side(scale));
      });
      pair.check(scale);
    }
    Twin shadow = pair.normal({count});
    Twin weights = pair.statistic({0.99, 0.01});
    pair.run(
        [&](Backend& on, auto side) { on.moving_average(side(x), side(weights), side(shadow)); });
    pair.check(shadow);
  }
  Twin large = pair.normal({200001});
  pair.run([&](Backend& on, auto side) { on.fill(side(large), 0.5); });
  Twin sum = pair.empty({1});
  pair.run([&](Backend& on, auto side) { on.sum_of_squares(side(large), side(sum)); });
  CHECK(sum.got.item() == 50000.25);
}

TEST_CASE("cuda kernels: rows so long and few that a block takes each") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    EmulatedPair pair(dtype, 9);
    const Shape shape{3, 1501};
    Twin x = pair.normal(shape);
    Twin y = pair.empty(shape);
    Twin of_row = pair.empty({3});
    pair.run([&](Backend& on, auto side) { on.log_sum_exp(side(x), side(of_row)); });
    pair.check(of_row);
    pair.run([&](Backend& on, auto side) { on.log_softmax(side(x), side(y)); });
    pair.check(y);
    pair.run(
        [&](Backend& on, auto side) { on.l2_normalize(side(x), 1e-8, side(y), side(of_row)); });
    pair.check(y);
    Twin target = pair.index({0, 1500, 700});
    pair.run(
        [&](Backend& on, auto side) { on.cross_entropy(side(x), side(target), side(of_row)); });
    pair.check(of_row);
    pair.run([&](Backend& on, auto side) {
      on.cross_entropy_backward(side(x), side(target), side(of_row), side(y));
    });
    pair.check(y);
  }
}

TEST_CASE("cuda kernels: moves of every width, element size and place") {
  for (const DType dtype : {DType::bf16, DType::f32, DType::f64})
    for (const int64_t width : {1, 2, 5, 8, 32}) {
      INFO(concat_text(dtype, ' ', width));
      EmulatedPair pair(dtype, 4);
      Twin x = pair.normal({3, 7, width});
      Twin y = pair.empty({3, 7, width});
      for (const int64_t shift : {0, 1, -3, 15}) {
        pair.run([&](Backend& on, auto side) { on.roll_rows(side(x), shift, side(y)); });
        pair.check(y);
      }
      Twin rows = pair.normal({9, width});
      Twin index = pair.index({4, 0, 8, 4, 4});
      Twin picked = pair.empty({5, width});
      pair.run(
          [&](Backend& on, auto side) { on.gather_rows(side(rows), side(index), side(picked)); });
      pair.check(picked);
      for (const int64_t count : {2, 7, 9}) {
        Twin ring = pair.normal({2, 7, width});
        Twin head = pair.index({5});
        Twin added = pair.normal({2, count, width});
        pair.run([&](Backend& on, auto side) {
          on.write_ring(side(added), {}, side(ring), side(head));
        });
        pair.check(ring);
        CHECK(head.got.item() == head.want.item());
      }
      const Copy2d extents{.rows = 4,
                           .width = width,
                           .source_offset = 1,
                           .source_pitch = 2 * width,
                           .destination_offset = width,
                           .destination_pitch = width + 1};
      Twin target = pair.normal({6 * (width + 1)});
      pair.run([&](Backend& on, auto side) { on.copy_2d(side(rows), extents, side(target)); });
      pair.check(target);
    }
  for (const DType dtype : {DType::f32, DType::f64}) {
    EmulatedPair pair(dtype, 5);
    Twin dy = pair.normal({6, 300});
    Twin index = pair.index({2, 0, 2, 2, 4, 0});
    Twin dx = pair.empty({5, 300});
    pair.run([&](Backend& on, auto side) { on.scatter_add_rows(side(dy), side(index), side(dx)); });
    pair.check(dx);
  }
}

TEST_CASE("cuda kernels: pair losses and their statistics, every reducer and option") {
  struct Pairs {
    Shape s;
    PairLossSpec spec;
  };
  const TemperatureRange range{.low = 0.1, .high = 0.9, .bias = 0.2};
  for (const Pairs& pairs :
       {Pairs{{2, 5, 5}, {.range = range}},
        Pairs{{1, 34, 67},
              {.self_offset = 10,
              .range = range,
              .beta_positive = 0.3,
              .beta_negative = 0.2,
              .anchor_beta = 0.1}},
        Pairs{{2, 9, 40},
              {.with_positive = false, .self_offset = PairLossSpec::kNoSelf, .range = range}},
        Pairs{{1, 12, 12}, {.adaptive = false, .temperature = 0.25}},
        Pairs{{2, 7, 45},
              {.reducer = PairReducer::topk, .topk = 6, .range = range, .anchor_beta = 0.5}},
        Pairs{{1, 7, 33}, {.reducer = PairReducer::topk, .topk = 1000, .with_positive = false}},
        Pairs{{2, 6, 70}, {.reducer = PairReducer::hard, .with_positive = false}}}) {
    INFO(concat_text(pairs.s, ", reducer ", static_cast<int>(pairs.spec.reducer)));
    for (const DType dtype : {DType::f32, DType::f64}) {
      EmulatedPair pair(dtype, 6);
      const int64_t anchors = pairs.s[1];
      std::vector<int32_t> partners;
      for (int64_t i = 0; i < anchors; ++i)
        partners.push_back(static_cast<int32_t>((i + anchors / 2 + 1) % anchors));
      Twin positive = pair.index(partners);
      Twin s = pair.normal(pairs.s);
      Twin r = pairs.spec.adaptive ? pair.normal(pairs.s) : Twin{};
      Twin loss = pair.empty({pairs.s[0], anchors});
      Twin lse = pair.empty({pairs.s[0], anchors});
      Twin records = pair.empty_records({pairs.s[0], anchors, int64_t{kPairRecord}});
      Twin statistics = pair.empty_report({pairs.s[0], int64_t{kPairStatistics}});
      pair.run([&](Backend& on, auto side) {
        on.pair_loss(side(s), side(r), side(positive), pairs.spec, side(loss), side(lse),
                     side(records));
        on.pair_statistics(side(records), pairs.spec, side(statistics));
      });
      pair.check(loss);
      const std::vector<double> got = statistics.got.to_host<double>();
      const std::vector<double> want = statistics.want.to_host<double>();
      for (size_t i = 0; i < want.size(); ++i)
        CHECK_MESSAGE(got[i] == doctest::Approx(want[i]).epsilon(1e-5), "statistic ", i);
      Twin dloss = pair.normal({pairs.s[0], anchors});
      Twin ds = pair.empty(pairs.s);
      Twin dr = pairs.spec.adaptive ? pair.empty(pairs.s) : Twin{};
      pair.run([&](Backend& on, auto side) {
        on.pair_loss_backward(side(s), side(r), side(positive), pairs.spec, side(lse), side(dloss),
                              side(ds), side(dr));
      });
      pair.check(ds);
      if (pairs.spec.adaptive) pair.check(dr);
    }
  }
}

TEST_CASE("cuda kernels: of equally similar candidates the first are selected, NaN before all") {
  EmulatedPair pair(DType::f32, 7);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const PairLossSpec spec{.reducer = PairReducer::topk,
                          .topk = 3,
                          .with_positive = false,
                          .self_offset = PairLossSpec::kNoSelf,
                          .adaptive = false};
  Twin positive = pair.index({0});
  for (const std::vector<double>& row : {std::vector<double>{9, 1, 2, 2, 2, 2, -1},
                                         {9, 0, -0.0, 0, -1, -0.0, -2},
                                         {9, -3, -1, -2, -2, -2, -5},
                                         {9, 1, nan, 3, 3, 3, 3}}) {
    Twin flat = pair.statistic(row);
    Twin s{flat.got.view({1, 1, 7}), flat.want.view({1, 1, 7})};
    Twin none;
    Twin lse = pair.empty({1, 1});
    Twin dloss = pair.statistic({1});
    Twin ds = pair.empty({1, 1, 7});
    pair.run([&](Backend& on, auto side) {
      on.pair_loss_backward(side(s), side(none), side(positive), spec, side(lse), side(dloss),
                            side(ds), side(none));
    });
    // NaN is where NaN must be; compared as a zero elsewhere.
    std::vector<double> got = ds.got.to_host<double>();
    std::vector<double> want = ds.want.to_host<double>();
    for (size_t j = 0; j < want.size(); ++j) CHECK(std::isnan(got[j]) == std::isnan(want[j]));
    for (std::vector<double>* values : {&got, &want})
      for (double& value : *values) value = std::isnan(value) ? 0.0 : value;
    for (size_t j = 0; j < want.size(); ++j) CHECK(got[j] == doctest::Approx(want[j]));
  }
}

TEST_CASE("cuda kernels: concat scores over tiles with odd edges") {
  for (const bool shared : {false, true})
    for (const Shape& extents : {Shape{2, 3, 5, 4}, Shape{2, 65, 70, 33}, Shape{1, 33, 130, 16}}) {
      INFO(concat_text(extents, shared ? " shared" : ""));
      EmulatedPair pair(DType::f32, 8);
      const int64_t heads = extents[0];
      const int64_t hidden = extents[3];
      Twin a = pair.normal({heads, extents[1], hidden});
      Twin b = pair.normal({heads, extents[2], hidden});
      Twin w2 = pair.normal({shared ? 1 : heads, hidden});
      Twin b2 = pair.normal({shared ? 1 : heads});
      Twin r = pair.empty({heads, extents[1], extents[2]});
      pair.run([&](Backend& on, auto side) {
        on.concat_scores(side(a), side(b), side(w2), side(b2), side(r));
      });
      pair.check(r);
      Twin dr = pair.normal(r.got.shape());
      Twin da = pair.empty(a.got.shape());
      Twin db = pair.empty(b.got.shape());
      Twin dw2 = pair.empty(w2.got.shape());
      Twin db2 = pair.empty(b2.got.shape());
      pair.run([&](Backend& on, auto side) {
        on.concat_scores_backward(side(a), side(b), side(w2), side(dr), side(da), side(db),
                                  side(dw2), side(db2));
      });
      pair.check(da);
      pair.check(db);
      pair.check(dw2);
      pair.check(db2);
    }
}

std::vector<ViewParameters> some_views(int64_t height, int64_t width) {
  RandomStream random(11, RandomPurpose::probe, 2, 0, 0);
  std::vector<ViewParameters> views;
  for (int i = 0; i < 10; ++i) {
    ViewParameters view;
    view.image = i % 3;
    view.height = 1 + static_cast<int32_t>(random.below(static_cast<uint32_t>(height)));
    view.width = 1 + static_cast<int32_t>(random.below(static_cast<uint32_t>(width)));
    view.top = static_cast<int32_t>(random.below(static_cast<uint32_t>(height - view.height + 1)));
    view.left = static_cast<int32_t>(random.below(static_cast<uint32_t>(width - view.width + 1)));
    view.flip = i % 2 == 0;
    view.jitter = i % 4 != 1;
    if (i % 3 == 0)
      view.order = {ColorOp::hue, ColorOp::saturation, ColorOp::contrast, ColorOp::brightness};
    view.brightness = random.uniform(0.6f, 1.4f);
    view.contrast = random.uniform(0.6f, 1.4f);
    view.saturation = random.uniform(0.6f, 1.4f);
    view.hue = random.uniform(-0.1f, 0.1f);
    view.grayscale = i == 4;
    view.blur_sigma = i % 3 == 1 ? random.uniform(0.1f, 2.0f) : 0.0f;
    view.solarize = i % 5 == 3;
    if (i % 2 == 1) view.interpolation = Interpolation::bicubic;
    if (i == 8) {  // a part of a larger resized crop
      view.resized_height = 40;
      view.resized_width = 44;
      view.offset_top = 3;
      view.offset_left = 5;
    }
    views.push_back(view);
  }
  return views;
}

TEST_CASE("cuda kernels: augmented views are those of the definition") {
  struct Extents {
    int64_t height, width, out_height, out_width;
  };
  for (const Extents& e : {Extents{32, 32, 32, 32}, Extents{19, 23, 9, 12}, Extents{6, 5, 13, 7}}) {
    emulation::EmulatedBackend emulated(5);
    RandomStream random(12, RandomPurpose::probe, 3, 0, 0);
    std::vector<uint8_t> bytes;
    for (int64_t i = 0; i < 3 * e.height * e.width * 3; ++i)
      bytes.push_back(static_cast<uint8_t>(random.below(256)));
    const Shape images{3, e.height, e.width, 3};
    const std::vector<ViewParameters> views = some_views(e.height, e.width);
    const ImageNormalization normalization{{0.4f, 0.5f, 0.6f}, {0.2f, 0.25f, 0.3f}};
    const Shape shape{static_cast<int64_t>(views.size()), e.out_height, e.out_width, 3};
    Tensor got = Tensor::empty(emulated, shape, DType::f32);
    Tensor want = Tensor::empty(test::plain(), shape, DType::f32);
    emulated.augment(Tensor::from_host<uint8_t>(emulated, images, bytes), views, normalization,
                     got);
    test::plain().augment(Tensor::from_host<uint8_t>(test::plain(), images, bytes), views,
                          normalization, want);
    CHECK(test::difference(got, want, 1e-5) == "");
  }
}

}  // namespace
}  // namespace amcl
