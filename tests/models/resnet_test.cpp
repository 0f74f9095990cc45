#include "models/resnet.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "engine/backend/open.h"
#include "tests/models/random_images.h"

namespace amcl {
namespace {

struct Entries {
  std::map<std::string, Shape> parameters;
  std::map<std::string, std::vector<float>> buffers;
  int64_t count = 0;
};

Entries entries_of(ResNet& model) {
  Entries entries;
  model.visit("",
              {.parameter =
                   [&](const std::string& name, Parameter& parameter) {
                     entries.parameters[name] = parameter.value.shape();
                     entries.count += parameter.value.count();
                   },
               .buffer = [&](const std::string& name,
                             Tensor& buffer) { entries.buffers[name] = buffer.to_host<float>(); }});
  return entries;
}

ResNet make(Backend& backend, const ResNetOptions& options, uint64_t seed = 1) {
  Initializer initializer(backend, seed);
  return {initializer, options};
}

TEST_CASE("resnet: as many parameters as torchvision's models without their classifier") {
  const auto backend = open_backend("plain");
  struct Expected {
    const char* backbone;
    int64_t parameters;
    int64_t feature_dim;
  };
  for (const Expected& expected : {Expected{"resnet18", 11176512, 512},
                                   {"resnet34", 21284672, 512},
                                   {"resnet50", 23508032, 2048}}) {
    CAPTURE(expected.backbone);
    ResNet model = make(*backend, {.backbone = expected.backbone, .stem = "imagenet"});
    CHECK(entries_of(model).count == expected.parameters);
    CHECK(model.feature_dim() == expected.feature_dim);
  }
}

TEST_CASE("resnet: torchvision's names, and shortcuts where it has them") {
  const auto backend = open_backend("plain");
  ResNet basic = make(*backend, {.backbone = "resnet18", .width = 8});
  const Entries basic_entries = entries_of(basic);
  // 122 entries with num_batches_tracked and fc, minus 20 counters and 2 of fc.
  CHECK(basic_entries.parameters.size() + basic_entries.buffers.size() == 100);
  CHECK(basic_entries.parameters.at("conv1.weight") == Shape{8, 3, 3, 3});
  CHECK(basic_entries.parameters.at("layer4.1.bn2.bias") == Shape{64});
  CHECK(basic_entries.parameters.at("layer2.0.downsample.0.weight") == Shape{16, 1, 1, 8});
  CHECK(basic_entries.buffers.contains("layer2.0.downsample.1.running_var"));
  CHECK_FALSE(basic_entries.parameters.contains("layer1.0.downsample.0.weight"));

  ResNet bottleneck = make(*backend, {.backbone = "resnet50", .width = 8, .stem = "imagenet"});
  const Entries deep = entries_of(bottleneck);
  CHECK(deep.parameters.size() + deep.buffers.size() == 320 - 53 - 2);
  CHECK(deep.parameters.at("conv1.weight") == Shape{8, 7, 7, 3});
  CHECK(deep.parameters.at("layer1.0.downsample.0.weight") == Shape{32, 1, 1, 8});
  CHECK(deep.parameters.at("layer2.0.conv2.weight") == Shape{16, 3, 3, 16});
  CHECK(deep.parameters.at("layer3.5.conv3.weight") == Shape{128, 1, 1, 32});

  // 104 convolutions, each with a batch norm of four tensors.
  ResNet deepest = make(*backend, {.backbone = "resnet101", .width = 4});
  const Entries of_deepest = entries_of(deepest);
  CHECK(of_deepest.parameters.size() + of_deepest.buffers.size() == 104 * 5);
  CHECK(of_deepest.parameters.contains("layer3.22.conv3.weight"));
}

TEST_CASE("resnet: features [N, D] of images of any extent, with both stems") {
  const auto backend = open_backend("plain");
  ResNet cifar = make(*backend, {.backbone = "resnet18", .width = 4, .stem = "cifar"});
  CHECK(cifar.forward(test::random_images(*backend, Shape{2, 16, 16, 3}, 1), {}).shape() ==
        Shape{2, 32});
  ResNet imagenet = make(*backend, {.backbone = "resnet50", .width = 2, .stem = "imagenet"});
  CHECK(imagenet.forward(test::random_images(*backend, Shape{2, 33, 40, 3}, 1), {}).shape() ==
        Shape{2, 64});
}

TEST_CASE("resnet: training moves every buffer, evaluation reads them and moves none") {
  const auto backend = open_backend("plain");
  ResNet model = make(*backend, {.width = 4});
  const Tensor images = test::random_images(*backend, Shape{4, 16, 16, 3}, 1);
  const Entries fresh = entries_of(model);
  const std::vector<float> untrained =
      model.forward(images, {.phase = Phase::eval}).to_host<float>();
  CHECK(entries_of(model).buffers == fresh.buffers);
  const std::vector<float> train = model.forward(images, {}).to_host<float>();
  CHECK(train != untrained);
  for (const auto& entry : entries_of(model).buffers) {
    CAPTURE(entry.first);
    CHECK(entry.second != fresh.buffers.at(entry.first));
  }
  CHECK(model.forward(images, {.phase = Phase::eval}).to_host<float>() != untrained);
}

TEST_CASE("resnet: the same seed gives the same bits, another seed does not") {
  const auto backend = open_backend("plain");
  const Tensor images = test::random_images(*backend, Shape{2, 8, 8, 3}, 1);
  const auto features = [&](uint64_t seed) {
    return make(*backend, {.width = 4}, seed).forward(images, {}).to_host<float>();
  };
  CHECK(features(3) == features(3));
  CHECK(features(3) != features(4));
}

double norm(const std::vector<float>& values) {
  double squares = 0.0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  return std::sqrt(squares);
}

double relative_distance(std::vector<float> a, const std::vector<float>& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return norm(a) / norm(b);
}

// Two of a hundred features' size in rounding turns a few relus on or off: gradients differ more.
TEST_CASE("resnet: bf16 activations give f32 features and gradients near those of f32") {
  for (const char* device : {"plain", "cpu"}) {
    const auto backend = open_backend(device);
    const Tensor images = test::random_images(*backend, Shape{16, 16, 16, 3}, 1);
    const auto train = [&](DType activations, std::vector<float>& features) {
      ResNet model = make(*backend, {.width = 8, .activations = activations});
      TapeScope scope;
      const Tensor y = model.forward(images, {});
      features = y.to_host<float>();
      tape::backward(sum(multiply(y, test::random_images(*backend, y.shape(), 2))));
      std::map<std::string, std::vector<float>> gradients;
      model.visit("", {.parameter =
                           [&](const std::string& name, Parameter& parameter) {
                             gradients[name] = parameter.slot.gradient.to_host<float>();
                             CHECK(parameter.slot.gradient.dtype() == DType::f32);
                           },
                       .buffer = [](const std::string&, Tensor&) {}});
      return gradients;
    };
    std::vector<float> exact_features;
    std::vector<float> features;
    const auto exact = train(DType::f32, exact_features);
    const auto rounded = train(DType::bf16, features);
    CAPTURE(device);
    CHECK(features != exact_features);
    CHECK(relative_distance(features, exact_features) < 0.05);
    CHECK(relative_distance(rounded.at("layer4.1.conv2.weight"),
                            exact.at("layer4.1.conv2.weight")) < 0.25);
    CHECK(relative_distance(rounded.at("conv1.weight"), exact.at("conv1.weight")) < 0.5);
  }
}

TEST_CASE("resnet: options out of range are refused with what may be chosen") {
  const auto backend = open_backend("plain");
  CHECK_THROWS_WITH_AS(
      make(*backend, {.backbone = "resnet19"}),
      "backbone: 'resnet19' is not known; choose one of resnet18, resnet34, resnet50, resnet101",
      Error);
  CHECK_THROWS_WITH_AS(make(*backend, {.stem = "vgg"}),
                       "stem: 'vgg' is not known; choose one of cifar, imagenet", Error);
  CHECK_THROWS_WITH_AS(make(*backend, {.width = 0}), "width: must be at least 1, got 0", Error);
  ResNet model = make(*backend, {.width = 4});
  CHECK_THROWS_WITH_AS(model.forward(test::random_images(*backend, Shape{2, 8, 8, 1}, 1), {}),
                       "resnet: images must be [N, H, W, 3], got [2, 8, 8, 1]", Error);
}

}  // namespace
}  // namespace amcl
