#include "models/inference_resnet.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/backend/open.h"
#include "tests/models/random_images.h"
#include "tests/support/compare.h"

namespace amcl {
namespace {

// A network whose statistics and affine parameters are none that folding may ignore.
ResNet trained(Backend& backend, const ResNetOptions& options) {
  Initializer initializer(backend, /*seed=*/1);
  ResNet network(initializer, options);
  uint64_t seed = 2;
  network.visit(
      "", {.parameter =
               [&](const std::string&, Parameter& parameter) {
                 if (parameter.value.rank() != 1) return;
                 std::vector<float> values =
                     test::random_images(backend, parameter.value.shape(), ++seed).to_host<float>();
                 for (float& value : values) value = 1.0f + 0.2f * value;
                 parameter.value.assign(std::span<const float>(values));
               },
           .buffer = [](const std::string&, Tensor&) {}});
  const Tensor images = test::random_images(backend, {8, 24, 24, 3}, 7);
  network.forward(images, {});  // moves the running statistics
  return network;
}

double largest(const Tensor& x) {
  double result = 0.0;
  for (const double value : x.to_host<double>()) result = std::max(result, std::abs(value));
  return result;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> left = a.to_host<double>();
  const std::vector<double> right = b.to_host<double>();
  REQUIRE(left.size() == right.size());
  double result = 0.0;
  for (size_t i = 0; i < left.size(); ++i) result = std::max(result, std::abs(left[i] - right[i]));
  return result;
}

TEST_CASE("inference: the folded network has the features of the trained one") {
  for (const char* device : {"plain", "cpu"})
    for (const ResNetOptions& options :
         {ResNetOptions{.backbone = "resnet18", .width = 8, .stem = "cifar"},
          ResNetOptions{.backbone = "resnet18", .width = 8, .stem = "imagenet"},
          ResNetOptions{.backbone = "resnet50", .width = 4, .stem = "imagenet"}}) {
      const auto backend = open_backend(device);
      CAPTURE(device);
      CAPTURE(options.backbone);
      ResNet network = trained(*backend, options);
      const Tensor images = test::random_images(*backend, {3, 40, 33, 3}, 9);
      const Tensor want = network.forward(images, {.phase = Phase::eval});
      const Tensor got = InferenceResNet(network, DType::f32).forward(images);
      CHECK(got.shape() == want.shape());
      CHECK(largest_difference(got, want) < 1e-5 * largest(want));
      // bf16 has 8 bits; what it rounds at every layer adds up.
      const Tensor rounded = InferenceResNet(network, DType::bf16).forward(images);
      CHECK(rounded.dtype() == DType::f32);
      CHECK(largest_difference(rounded, want) < 0.05 * largest(want));
      CHECK(largest_difference(rounded, want) > 0.0);
    }
}

TEST_CASE("inference: it is a copy, and weights that are not finite are refused") {
  const auto backend = open_backend("cpu");
  ResNet network = trained(*backend, {.width = 4});
  const Tensor images = test::random_images(*backend, {2, 16, 16, 3}, 9);
  const InferenceResNet inference(network, DType::f32);
  const std::vector<float> before = inference.forward(images).to_host<float>();
  network.visit("", {.parameter =
                         [&](const std::string& name, Parameter& parameter) {
                           if (name == "layer2.0.bn1.weight")
                             backend->fill(parameter.value,
                                           std::numeric_limits<double>::quiet_NaN());
                         },
                     .buffer = [](const std::string&, Tensor&) {}});
  CHECK(inference.forward(images).to_host<float>() == before);
  CHECK_THROWS_WITH_AS((InferenceResNet(network, DType::f32)),
                       "the weights of the encoder are not finite: its training has failed", Error);
}

}  // namespace
}  // namespace amcl
