// What is not a number must reach the loss, where a step looks for it: no op that takes a maximum
// may put a number in its place.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/ops/ops.h"
#include "tests/support/backends.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// 37 channels are some vectors and a rest; kInVector and kInRest are channels of the two.
const Shape kImages{2, 3, 5, 37};
constexpr int64_t kInVector = 6;
constexpr int64_t kInRest = 36;

template <class Body>
void on_every_backend(Body body) {
  std::vector<Backend*> backends = test::fast_backends();
  backends.push_back(&test::plain());
  for (Backend* backend : backends)
    for (const DType dtype : {DType::f32, DType::f64}) {
      INFO(concat_text(backend->name(), " ", dtype));
      body(*backend, dtype);
    }
}

// Random images whose element of image 1, row 1, column 2 is no number in channel `channel`.
Tensor images_with_nan(Backend& backend, DType dtype, int64_t channel) {
  std::vector<double> values = test::Rng(3).normal(test::plain(), kImages).to_host<double>();
  values[static_cast<size_t>(((3 + 1) * 5 + 2) * kImages.back() + channel)] = kNan;
  return Tensor::from_host<double>(backend, kImages, values, dtype);
}

// How many elements of a channel are no numbers; -1 if there are any in other channels.
int64_t nan_count(const Tensor& y, int64_t channel) {
  const std::vector<double> values = y.to_host<double>();
  int64_t count = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) continue;
    if (static_cast<int64_t>(i) % y.shape().back() != channel) return -1;
    ++count;
  }
  return count;
}

TEST_CASE("relu: NaN stays NaN") {
  on_every_backend([](Backend& backend, DType dtype) {
    CHECK(nan_count(relu(images_with_nan(backend, dtype, kInVector)), kInVector) == 1);
  });
}

TEST_CASE("max_pool: a window with a NaN has it as its maximum, wherever it lies") {
  on_every_backend([](Backend& backend, DType dtype) {
    // It lies in windows (0, 1) and (1, 1).
    const PoolSpec spec{.kernel = 3, .stride = 2, .padding = 1};
    CHECK(nan_count(max_pool(images_with_nan(backend, dtype, kInVector), spec), kInVector) == 2);
    CHECK(nan_count(max_pool(images_with_nan(backend, dtype, kInRest), spec), kInRest) == 2);
  });
}

TEST_CASE("batch_norm with relu: NaN of x or of the residual stays NaN") {
  on_every_backend([](Backend& backend, DType dtype) {
    const Tensor gamma = Tensor::from_host<double>(backend, {37}, std::vector(37, 1.0), dtype);
    const Tensor beta = Tensor::zeros(backend, {37}, dtype);
    const Tensor good = test::Rng(4).normal(backend, kImages, dtype);
    RunningStatistics running{.mean = Tensor::zeros(backend, {37}, dtype), .variance = gamma};
    const BatchNormSpec spec{.relu = true};
    for (const int64_t channel : {kInVector, kInRest}) {
      const Tensor bad = images_with_nan(backend, dtype, channel);
      CHECK(nan_count(batch_norm(bad, gamma, beta, running, Phase::eval, spec), channel) == 1);
      CHECK(nan_count(batch_norm(good, gamma, beta, running, Phase::eval, spec, bad), channel) ==
            1);
      // The mean of its channel is none either.
      RunningStatistics none{.update = false};
      CHECK(nan_count(batch_norm(bad, gamma, beta, none, Phase::train, spec), channel) == 30);
    }
  });
}

}  // namespace
}  // namespace amcl
