// The convolution algorithms of the cpu backend, each by itself and on shapes that the rule would
// give to another one too, and the rule itself, against plain f64.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>

#include "engine/backend/cpu/direct_conv.h"
#include "engine/backend/cpu/onednn_conv.h"
#include "engine/backend/cpu/winograd.h"
#include "engine/backend/open.h"
#include "engine/core/parallel_for.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/compute_threads.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

constexpr ConvPass kPasses[] = {ConvPass::forward, ConvPass::data_gradient,
                                ConvPass::weight_gradient};

// One convolution with its operands and results [forward, data gradient, weight gradient].
struct Problem {
  std::string text;
  ConvShape shape;
  Conv2dSpec spec;
  Tensor x, w, dy;  // f32, on the cpu
  Tensor wanted[3];

  const Tensor& left(ConvPass pass) const { return pass == ConvPass::data_gradient ? dy : x; }
  const Tensor& right(ConvPass pass) const { return pass == ConvPass::weight_gradient ? dy : w; }
  const Tensor& want(ConvPass pass) const { return wanted[static_cast<int>(pass)]; }
};

Tensor to_cpu(const Tensor& x) {
  return Tensor::from_host<float>(*test::fast_backends().front(), x.shape(), x.to_host<float>());
}

Problem make_problem(test::Rng& rng, const Shape& x_shape, const Shape& w_shape,
                     const Conv2dSpec& spec) {
  Backend& plain = test::plain();
  const auto outputs = [&](int64_t extent, int64_t kernel) {
    return (extent + 2 * spec.padding - kernel) / spec.stride + 1;
  };
  const Shape y_shape{x_shape[0], outputs(x_shape[1], w_shape[1]), outputs(x_shape[2], w_shape[2]),
                      w_shape[0]};
  const Tensor x = rng.normal(plain, x_shape);
  const Tensor w = rng.normal(plain, w_shape);
  const Tensor dy = rng.normal(plain, y_shape);
  Problem problem{.text = concat_text("x ", x_shape, ", w ", w_shape, ", stride ", spec.stride,
                                      ", padding ", spec.padding),
                  .shape = ConvShape(x_shape, w_shape, y_shape, spec),
                  .spec = spec,
                  .x = to_cpu(x),
                  .w = to_cpu(w),
                  .dy = to_cpu(dy),
                  .wanted = {Tensor::empty_like(dy), Tensor::empty_like(x), Tensor::empty_like(w)}};
  plain.conv2d(x, w, spec, problem.wanted[0]);
  plain.conv2d_dx(dy, w, spec, problem.wanted[1]);
  plain.conv2d_dw(x, dy, spec, problem.wanted[2]);
  return problem;
}

// Every kernel, stride and padding over images and channels that fill no tile, panel or block.
const std::vector<Problem>& problems() {
  static const std::vector<Problem> all = [] {
    struct Extents {
      Shape images;  // [N, H, W]
      int64_t channels, filters;
    };
    std::vector<Problem> result;
    test::Rng rng(21);
    for (const Extents& extents :
         {Extents{{1, 1, 1}, 1, 3}, Extents{{3, 1, 1}, 17, 5}, Extents{{1, 5, 4}, 3, 17},
          Extents{{3, 7, 9}, 5, 1}, Extents{{5, 2, 11}, 17, 33}, Extents{{1, 9, 13}, 8, 24},
          Extents{{2, 6, 5}, 33, 7}})
      for (const int64_t kernel : {1, 3, 7})
        for (const int64_t stride : {1, 2})
          for (const int64_t padding : {0, 1, 3}) {
            const Shape x{extents.images[0], extents.images[1], extents.images[2],
                          extents.channels};
            if (std::min(x[1], x[2]) + 2 * padding < kernel) continue;
            result.push_back(make_problem(rng, x, {extents.filters, kernel, kernel, x[3]},
                                          {.stride = stride, .padding = padding}));
          }
    return result;
  }();
  return all;
}

// One way to compute a pass, and the convolutions that it is for.
struct Algorithm {
  std::string name;
  std::function<bool(ConvPass, const ConvShape&)> can;
  std::function<void(ConvPass, const Problem&, Tensor& result)> run;

  // Into a buffer in which what is not written stays NaN.
  Tensor result(ConvPass pass, const Problem& problem) const {
    Backend& cpu = *test::fast_backends().front();
    Tensor result = Tensor::empty(cpu, problem.want(pass).shape(), DType::f32);
    cpu.fill(result, std::numeric_limits<double>::quiet_NaN());
    run(pass, problem, result);
    return result;
  }
};

// Working memory full of what no result may depend on.
Scratch& poisoned(Scratch& scratch) {
  constexpr int64_t kFloats = 1 << 16;
  std::fill_n(scratch.floats(kFloats), kFloats, std::numeric_limits<float>::quiet_NaN());
  return scratch;
}

bool any_shape(ConvPass, const ConvShape&) {
  return true;
}

bool winograd_form(ConvPass, const ConvShape& shape) {
  return winograd_fits(shape);
}

// oneDNN 2.6.3 leaves parts of the weight gradient of strided 1 x 1 windows unset; the rule of the
// backend does not ask it for that.
bool onednn_is_sound(ConvPass pass, const ConvShape& shape) {
  const bool eights = shape.channels % 8 == 0 && shape.filters % 8 == 0;
  return pass != ConvPass::weight_gradient || shape.rows > 1 || shape.stride == 1 || eights;
}

// Our own algorithms are three functions each.
using Function = void (*)(const ConvShape&, const float*, const float*, float*, Scratch&);
using Forward = void (*)(const ConvShape&, const float*, const float*, const ConvEpilogue&, float*,
                         Scratch&);
template <Forward forward>
void alone(const ConvShape& shape, const float* x, const float* w, float* y, Scratch& scratch) {
  forward(shape, x, w, /*epilogue=*/{}, y, scratch);
}
Algorithm own(const char* name, bool (*can)(ConvPass, const ConvShape&), Function forward,
              Function data_gradient, Function weight_gradient) {
  auto scratch = std::make_shared<Scratch>(test::fast_backends().front()->allocator());
  const std::array<Function, 3> passes{forward, data_gradient, weight_gradient};
  return {name, can, [=](ConvPass pass, const Problem& problem, Tensor& result) {
            passes[static_cast<size_t>(pass)](problem.shape, problem.left(pass).data<float>(),
                                              problem.right(pass).data<float>(),
                                              result.data<float>(), poisoned(*scratch));
          }};
}

Algorithm onednn() {
  auto convolutions = std::make_shared<OneDnnConvolutions>();
  auto scratch = std::make_shared<Scratch>(test::fast_backends().front()->allocator());
  return {"onednn", onednn_is_sound, [=](ConvPass pass, const Problem& problem, Tensor& result) {
            const float* left = problem.left(pass).data<float>();
            const float* right = problem.right(pass).data<float>();
            float* out = result.data<float>();
            poisoned(*scratch);
            if (pass == ConvPass::forward)
              convolutions->forward(problem.shape, DType::f32, left, right, /*epilogue=*/{}, out,
                                    *scratch);
            else if (pass == ConvPass::data_gradient)
              convolutions->data_gradient(problem.shape, DType::f32, left, right, out, *scratch);
            else
              convolutions->weight_gradient(problem.shape, DType::f32, left, right, out, *scratch);
          }};
}

// What the backend chooses by itself.
Algorithm chosen() {
  return {"chosen", any_shape, [](ConvPass pass, const Problem& problem, Tensor& result) {
            Backend& cpu = *test::fast_backends().front();
            if (pass == ConvPass::forward)
              cpu.conv2d(problem.x, problem.w, problem.spec, result);
            else if (pass == ConvPass::data_gradient)
              cpu.conv2d_dx(problem.dy, problem.w, problem.spec, result);
            else
              cpu.conv2d_dw(problem.x, problem.dy, problem.spec, result);
          }};
}

template <class Body>
void with_each_algorithm(const Body& body) {
  for (const Algorithm& algorithm : {own("direct", any_shape, alone<direct_forward>,
                                         direct_data_gradient, direct_weight_gradient),
                                     own("winograd", winograd_form, alone<winograd_forward>,
                                         winograd_data_gradient, winograd_weight_gradient),
                                     onednn(), chosen()})
    for (const Problem& problem : problems())
      for (const ConvPass pass : kPasses) {
        if (!algorithm.can(pass, problem.shape)) continue;
        INFO(concat_text(algorithm.name, ", pass ", static_cast<int>(pass), ", ", problem.text));
        body(algorithm, pass, problem);
      }
}

TEST_CASE("convolutions: every algorithm agrees with plain f64 on odd shapes") {
  for (const int count : {1, 2, 3}) {
    CAPTURE(count);
    const test::ComputeThreads threads(count);
    with_each_algorithm([](const Algorithm& algorithm, ConvPass pass, const Problem& problem) {
      CHECK(test::difference(algorithm.result(pass, problem), problem.want(pass), 5e-6) == "");
    });
  }
}

TEST_CASE("convolutions: every algorithm adds bias and residual and cuts at zero") {
  Backend& cpu = *test::fast_backends().front();
  Scratch scratch(cpu.allocator());
  OneDnnConvolutions onednn;
  test::Rng rng(26);
  for (const Problem& problem : problems()) {
    Tensor want = Tensor::empty_like(problem.want(ConvPass::forward));
    const Tensor bias = rng.normal(test::plain(), {want.dim(3)});
    const Tensor residual = rng.normal(test::plain(), want.shape());
    const Tensor cpu_bias = to_cpu(bias);
    Tensor cpu_residual = to_cpu(residual);
    for (const bool adds : {false, true})
      for (const bool relu : {false, true}) {
        const Tensor x = Tensor::from_host<double>(test::plain(), problem.x.shape(),
                                                   problem.x.to_host<double>());
        const Tensor w = Tensor::from_host<double>(test::plain(), problem.w.shape(),
                                                   problem.w.to_host<double>());
        test::plain().conv2d_fused(x, w, bias, adds ? residual : Tensor{}, problem.spec, relu,
                                   want);
        const ConvEpilogue epilogue{.nullable_bias = cpu_bias.data<float>(),
                                    .nullable_residual = adds ? cpu_residual.raw() : nullptr,
                                    .relu = relu};
        const auto check = [&](const char* algorithm, const auto& run) {
          INFO(concat_text(algorithm, ", residual ", adds, ", relu ", relu, ", ", problem.text));
          Tensor y = Tensor::empty(cpu, want.shape(), DType::f32);
          cpu.fill(y, std::numeric_limits<double>::quiet_NaN());
          poisoned(scratch);
          run(y);
          CHECK(test::difference(y, want, 5e-6) == "");
        };
        const float* xs = problem.x.data<float>();
        const float* ws = problem.w.data<float>();
        check("direct", [&](Tensor& y) {
          direct_forward(problem.shape, xs, ws, epilogue, y.data<float>(), scratch);
        });
        if (winograd_fits(problem.shape))
          check("winograd", [&](Tensor& y) {
            winograd_forward(problem.shape, xs, ws, epilogue, y.data<float>(), scratch);
          });
        if (!adds || (problem.spec.padding < problem.shape.rows &&
                      std::min(problem.shape.height, problem.shape.width) >= problem.shape.rows))
          check("onednn", [&](Tensor& y) {
            onednn.forward(problem.shape, DType::f32, xs, ws, epilogue, y.raw(), scratch);
          });
        check("chosen", [&](Tensor& y) {
          cpu.conv2d_fused(problem.x, problem.w, cpu_bias, adds ? cpu_residual : Tensor{},
                           problem.spec, relu, y);
        });
      }
  }
}

TEST_CASE("convolutions: our own keep what is not a number, through relu too") {
  Backend& cpu = *test::fast_backends().front();
  Scratch scratch(cpu.allocator());
  test::Rng rng(27);
  const Problem wide = make_problem(rng, {2, 9, 7, 16}, {32, 3, 3, 16}, {.padding = 1});
  Tensor bad = Tensor::empty(cpu, {32}, DType::f32);
  cpu.fill(bad, std::numeric_limits<double>::quiet_NaN());
  const ConvEpilogue epilogue{.nullable_bias = bad.data<float>(), .relu = true};
  Tensor results[2];
  for (Tensor& y : results) y = Tensor::zeros(cpu, wide.dy.shape(), DType::f32);
  direct_forward(wide.shape, wide.x.data<float>(), wide.w.data<float>(), epilogue,
                 results[0].data<float>(), scratch);
  winograd_forward(wide.shape, wide.x.data<float>(), wide.w.data<float>(), epilogue,
                   results[1].data<float>(), scratch);
  for (const Tensor& y : results) {
    CAPTURE(&y - results);
    CHECK(std::isnan(y.to_host<float>().front()));
  }
}

TEST_CASE("convolutions: with two threads every algorithm repeats its bits") {
  const test::ComputeThreads two(2);
  with_each_algorithm([](const Algorithm& algorithm, ConvPass pass, const Problem& problem) {
    const Tensor first = algorithm.result(pass, problem);
    const Tensor second = algorithm.result(pass, problem);
    CHECK(std::memcmp(first.raw(), second.raw(), first.bytes()) == 0);
  });
}

// The largest |got - want| as a share of the largest |want|.
double error_of_largest(const Tensor& got, const Tensor& want) {
  const std::vector<double> gots = got.to_host<double>();
  const std::vector<double> wants = want.to_host<double>();
  double error = 0.0;
  double largest = 0.0;
  for (size_t i = 0; i < wants.size(); ++i) {
    error = std::max(error, std::abs(gots[i] - wants[i]));
    largest = std::max(largest, std::abs(wants[i]));
  }
  return error / largest;
}

// The bound that winograd.h states.
TEST_CASE("convolutions: winograd is off by at most 3e-6 of the largest element") {
  test::Rng rng(22);
  const Algorithm algorithm = own("winograd", winograd_form, alone<winograd_forward>,
                                  winograd_data_gradient, winograd_weight_gradient);
  for (const int64_t channels : {16, 64, 256}) {
    const Problem problem =
        make_problem(rng, {2, 12, 11, channels}, {channels, 3, 3, channels}, {.padding = 1});
    for (const ConvPass pass : kPasses) {
      CAPTURE(static_cast<int>(pass));
      CAPTURE(channels);
      CHECK(error_of_largest(algorithm.result(pass, problem), problem.want(pass)) < 3e-6);
    }
  }
}

TEST_CASE("convolutions: the algorithm asked for is the one that computes") {
  test::Rng rng(25);
  const Problem wide = make_problem(rng, {2, 9, 7, 16}, {16, 3, 3, 16}, {.padding = 1});
  const Problem narrow = make_problem(rng, {2, 9, 7, 4}, {4, 3, 3, 4}, {.padding = 1});
  const auto forward = [](const char* algorithm, const Problem& problem) {
    const std::unique_ptr<Backend> cpu = open_backend("cpu", {.conv_algorithm = algorithm});
    Tensor y = Tensor::empty(*cpu, problem.dy.shape(), DType::f32);
    cpu->conv2d(problem.x, problem.w, problem.spec, y);
    CHECK(test::difference(y, problem.want(ConvPass::forward), 5e-6) == "");
    return y.to_host<float>();
  };
  // The rule takes Winograd where it pays only; the roundings of the two differ.
  CHECK(forward("winograd", wide) == forward("auto", wide));
  CHECK(forward("direct", wide) != forward("auto", wide));
  CHECK(forward("direct", narrow) == forward("auto", narrow));
  CHECK(forward("winograd", narrow) != forward("auto", narrow));
}

TEST_CASE("convolutions: plans of oneDNN are bounded however many shapes come") {
  OneDnnConvolutions convolutions;
  Backend& cpu = *test::fast_backends().front();
  Scratch scratch(cpu.allocator());
  const Tensor w = test::Rng(23).normal(cpu, {1, 1, 1, 1}, DType::f32);
  const auto run = [&](int64_t size) {
    const Shape shape{1, size, 1, 1};
    const Tensor x = test::Rng(24).normal(cpu, shape, DType::f32);
    Tensor y = Tensor::empty_like(x);
    convolutions.forward(ConvShape(shape, w.shape(), shape, {}), DType::f32, x.data<float>(),
                         w.data<float>(), /*epilogue=*/{}, y.data<float>(), scratch);
  };
  run(1);
  run(1);
  CHECK(convolutions.plan_count() == 1);
  for (int64_t size = 1; size <= 400; ++size) run(size);
  const size_t bound = convolutions.plan_count();
  CHECK(bound < 200);
  for (int64_t size = 1; size <= 400; ++size) run(size);
  CHECK(convolutions.plan_count() == bound);
}

}  // namespace
}  // namespace amcl
