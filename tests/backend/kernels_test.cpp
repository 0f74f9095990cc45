// Kernels that no op records, by closed forms, on every backend: optimisers, clipping, averages,
// the ring of a queue, copies and fills.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

// One backend and dtype, with short names for its tensors.
class On {
 public:
  On(Backend& backend, DType dtype) : backend_(backend), dtype_(dtype) {}

  Backend* operator->() const { return &backend_; }
  Backend& backend() const { return backend_; }

  Tensor vector(const std::vector<double>& values) const {
    return tensor({static_cast<int64_t>(values.size())}, values);
  }
  Tensor tensor(const Shape& shape, const std::vector<double>& values) const {
    return Tensor::from_host<double>(backend_, shape, values, dtype_);
  }
  Tensor index(const std::vector<int32_t>& values) const {
    return Tensor::from_host<int32_t>(backend_, {static_cast<int64_t>(values.size())}, values);
  }
  // A step of an optimiser at rate and scale, the first of its run if no other is named.
  void move(const OptimizerRule& rule, const std::vector<OptimizerSegment>& segments, double rate,
            double scale, const std::vector<double>& gradient, Tensor& value,
            std::vector<Tensor> memories, int step = 1) const {
    backend_.optimizer_step(rule, segments, vector({rate}), vector({scale}),
                            vector({static_cast<double>(step)}), vector(gradient), value, memories);
  }
  void equals(const Tensor& got, const std::vector<double>& want) const {
    const Tensor expected = Tensor::from_host<double>(test::plain(), got.shape(), want);
    CHECK(test::difference(got, expected, dtype_ == DType::f64 ? 1e-14 : 1e-6) == "");
  }

 private:
  Backend& backend_;
  DType dtype_;
};

template <class Body>
void on_every_backend(Body body) {
  std::vector<Backend*> backends = test::fast_backends();
  backends.push_back(&test::plain());
  for (Backend* backend : backends)
    for (const DType dtype : {DType::f32, DType::f64}) {
      INFO(concat_text(backend->name(), " ", dtype));
      body(On(*backend, dtype));
    }
}

TEST_CASE("sgd_step: decay, scale and momentum by hand; other elements stay") {
  on_every_backend([](const On& on) {
    for (const bool nesterov : {false, true}) {
      Tensor value = on.vector({7, 2, 2, 7});
      Tensor velocity = on.vector({7, 1, 1, 7});
      const std::vector<OptimizerSegment> segments{
          {.begin = 1, .end = 2, .weight_decay = 0.1},
          {.begin = 2, .end = 3, .rate_scale = 0.5},
      };
      on.move(SgdSpec{.momentum = 0.9, .nesterov = nesterov}, segments, 0.1, 0.5, {7, 0.5, 0.5, 7},
              value, {velocity});
      // d = 0.5 * 0.5 + decay * 2;  v = 0.9 * 1 + d.
      on.equals(velocity, {7, 1.35, 1.15, 7});
      if (nesterov)  // p - rate (d + 0.9 v)
        on.equals(value, {7, 2 - 0.1 * (0.45 + 1.215), 2 - 0.05 * (0.25 + 1.035), 7});
      else
        on.equals(value, {7, 2 - 0.135, 2 - 0.0575, 7});
    }
  });
}

TEST_CASE("sgd_step: every element of a long segment takes the same formula") {
  on_every_backend([](const On& on) {
    const int64_t count = 70001;
    test::Rng rng(1);
    const Tensor start = rng.normal(test::plain(), {count});
    const Tensor gradient = rng.normal(test::plain(), {count});
    const std::vector<double> p = start.to_host<double>();
    const std::vector<double> g = gradient.to_host<double>();
    std::vector<double> want(p.size());
    for (size_t i = 0; i < p.size(); ++i) want[i] = p[i] - 0.25 * (g[i] + 0.5 * p[i]);
    Tensor value = on.vector(p);
    Tensor velocity = on.vector(std::vector<double>(p.size(), 0.0));
    const std::vector<OptimizerSegment> segments{{.begin = 0, .end = count, .weight_decay = 0.5}};
    on.move(SgdSpec{}, segments, 0.25, 1.0, g, value, {velocity});
    on.equals(value, want);
  });
}

TEST_CASE("lars_step: the direction has the trust ratio's length, segment by segment") {
  on_every_backend([](const On& on) {
    Tensor value = on.vector({3, 4, 3, 4, 0, 0});
    Tensor velocity = on.vector({0, 0, 0, 0, 0, 0});
    const std::vector<OptimizerSegment> segments{
        {.begin = 0, .end = 2},
        {.begin = 2, .end = 4, .trust_ratio = false},
        {.begin = 4, .end = 6},  // a zero norm: no ratio
    };
    on.move(LarsSpec{.momentum = 0.9, .trust = 0.01, .epsilon = 0.0}, segments, 0.5, 1.0,
            {0, 2, 0, 2, 0, 2}, value, {velocity});
    on.equals(velocity, {0, 0.01 * 5 / 2 * 2, 0, 2, 0, 2});
    on.equals(value, {3, 4 - 0.025, 3, 3, 0, -1});
  });
}

TEST_CASE("lars_step: the clipped ratio never exceeds the plain rate") {
  on_every_backend([](const On& on) {
    Tensor value = on.vector({3, 4, 3, 4});
    Tensor velocity = on.vector({0, 0, 0, 0});
    const std::vector<OptimizerSegment> segments{{.begin = 0, .end = 2}, {.begin = 2, .end = 4}};
    // |p| / |g| is 2.5 and 500: ratios min(0.01 * 2.5 / 0.5, 1) and min(0.01 * 500 / 0.5, 1).
    on.move(LarsSpec{.momentum = 0.0, .trust = 0.01, .epsilon = 0.0, .clip_ratio = true}, segments,
            0.5, 1.0, {0, 2, 0, 0.01}, value, {velocity});
    on.equals(velocity, {0, 0.1, 0, 0.01});
  });
}

TEST_CASE("adamw_step: the first steps by hand, decay apart from the moments") {
  on_every_backend([](const On& on) {
    Tensor value = on.vector({2});
    Tensor first = on.vector({0});
    Tensor second = on.vector({0});
    const std::vector<OptimizerSegment> segments{{.begin = 0, .end = 1, .weight_decay = 0.5}};
    const AdamWSpec spec{.beta1 = 0.5, .beta2 = 0.75, .epsilon = 0.0};
    on.move(spec, segments, 0.1, 0.5, {8}, value, {first, second});
    on.equals(first, {2});
    on.equals(second, {4});
    on.equals(value, {0.95 * 2 - 0.1});  // both corrected moments are those of the gradient, 4
    on.move(spec, segments, 0.1, 0.5, {0}, value, {first, second}, /*step=*/2);
    on.equals(first, {1});
    on.equals(second, {3});
    on.equals(value, {0.95 * 1.8 - 0.1 * (1 / 0.75) / std::sqrt(3 / 0.4375)});
  });
}

TEST_CASE("clip_scale: shrinks long gradients only") {
  on_every_backend([](const On& on) {
    Tensor scale = on.vector({1});
    on->clip_scale(on.vector({25}), on.vector({0}), 1.0, scale);
    on.equals(scale, {1 / (5 + 1e-6)});
    for (const double limit : {6.0, std::numeric_limits<double>::infinity()}) {
      on->clip_scale(on.vector({25}), on.vector({0}), limit, scale);
      on.equals(scale, {1});
    }
  });
}

TEST_CASE("clip_scale: closes the gate for good where squares or loss are not finite") {
  on_every_backend([](const On& on) {
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double bad : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()})
      for (const bool in_loss : {false, true}) {
        Tensor scale = on.vector({1});
        on->clip_scale(on.vector({in_loss ? 4.0 : bad}), on.vector({in_loss ? bad : 0.0}), 9.0,
                       scale);
        CHECK(std::isnan(scale.item()));
        on->clip_scale(on.vector({4}), on.vector({0}), 9.0, scale);
        CHECK(std::isnan(scale.item()));
      }
  });
}

TEST_CASE("optimisers and write_ring: nothing changes behind a closed gate") {
  on_every_backend([](const On& on) {
    const double closed = std::numeric_limits<double>::quiet_NaN();
    const std::vector<OptimizerSegment> segments{{.begin = 0, .end = 3}};
    Tensor value = on.vector({4, 5, 6});
    Tensor first = on.vector({7, 8, 9});
    Tensor second = on.vector({1, 1, 1});
    for (const OptimizerRule& rule : std::vector<OptimizerRule>{SgdSpec{}, LarsSpec{}, AdamWSpec{}})
      on.move(rule, segments, 0.5, closed, {1, 2, 3}, value, {first, second});
    on.equals(value, {4, 5, 6});
    on.equals(first, {7, 8, 9});
    on.equals(second, {1, 1, 1});
    Tensor ring = on.tensor({1, 2, 1}, {1, 2});
    Tensor head = on.index({1});
    on->write_ring(on.tensor({1, 1, 1}, {5}), on.vector({closed}), ring, head);
    on.equals(ring, {1, 2});
    CHECK(head.item() == 1);
    on->write_ring(on.tensor({1, 1, 1}, {5}), on.vector({1}), ring, head);
    on.equals(ring, {1, 5});
    CHECK(head.item() == 0);
  });
}

TEST_CASE("rolled_index: counts from the shift and round") {
  on_every_backend([](const On& on) {
    Tensor index = on.index({0, 0, 0, 0, 0});
    on->rolled_index(3, index);
    CHECK(index.to_host<int32_t>() == std::vector<int32_t>{3, 4, 0, 1, 2});
  });
}

TEST_CASE("moving_average: keeps and takes the shares that its weights say") {
  on_every_backend([](const On& on) {
    Tensor shadow = on.vector({1, 10});
    on->moving_average(on.vector({2, 0}), on.vector({0.75, 0.25}), shadow);
    on.equals(shadow, {1.25, 7.5});
  });
}

TEST_CASE("sum_of_squares: does not lose small terms among many") {
  on_every_backend([](const On& on) {
    const std::vector<double> values(200001, 0.5);
    std::vector<double> with_large = values;
    with_large[0] = 4096.0;  // its square swallows 0.25 in f32
    Tensor sum = on.vector({0});
    on->sum_of_squares(on.vector(with_large), sum);
    on.equals(sum, {4096.0 * 4096.0 + 50000.0});
  });
}

TEST_CASE("accumulate, scale_rows and broadcast_rows: by hand") {
  on_every_backend([](const On& on) {
    Tensor y = on.vector({1, 2});
    on->accumulate(on.vector({10, 20}), y);
    on.equals(y, {11, 22});
    Tensor scaled = on.tensor({2, 2}, {0, 0, 0, 0});
    on->scale_rows(on.tensor({2, 2}, {1, 2, 3, 4}), on.vector({10, 100}), scaled);
    on.equals(scaled, {10, 20, 300, 400});
    on->broadcast_rows(on.vector({1, 2}), 3.0, scaled);
    on.equals(scaled, {3, 3, 6, 6});
  });
}

TEST_CASE("write_ring: writes at the head, around the end, and advances it") {
  on_every_backend([](const On& on) {
    Tensor ring = on.tensor({2, 3, 1}, {0, 0, 0, 0, 0, 0});
    Tensor head = on.index({2});
    on->write_ring(on.tensor({2, 2, 1}, {1, 2, 3, 4}), {}, ring, head);
    on.equals(ring, {2, 0, 1, 4, 0, 3});
    CHECK(head.item() == 1);
    on->write_ring(on.tensor({2, 4, 1}, {5, 6, 7, 8, 9, 10, 11, 12}), {}, ring, head);
    on.equals(ring, {7, 8, 6, 11, 12, 10});  // the last three of four remain
    CHECK(head.item() == 2);
  });
}

TEST_CASE("copy_2d: copies runs between pitches in every type") {
  on_every_backend([](const On& on) {
    const Tensor source =
        Tensor::from_host<int32_t>(on.backend(), {6}, std::vector<int32_t>{1, 2, 3, 4, 5, 6});
    Tensor destination = Tensor::zeros(on.backend(), {5}, DType::i32);
    on->copy_2d(source,
                {.rows = 2,
                 .width = 2,
                 .source_offset = 1,
                 .source_pitch = 3,
                 .destination_offset = 0,
                 .destination_pitch = 3},
                destination);
    CHECK(destination.to_host<int32_t>() == std::vector<int32_t>{2, 3, 0, 5, 6});
  });
}

TEST_CASE("fill and cast: know f64, f32 and bf16") {
  on_every_backend([](const On& on) {
    for (const DType dtype : {DType::f64, DType::f32, DType::bf16}) {
      Tensor x = Tensor::empty(on.backend(), {40001}, dtype);
      on->fill(x, 1.5);
      Tensor y = Tensor::empty(on.backend(), {40001}, DType::f32);
      on->cast(x, y);
      CHECK(y.to_host<double>() == std::vector<double>(40001, 1.5));
    }
  });
}

}  // namespace
}  // namespace amcl
