#include "tests/cuda/network_convolutions.h"

#include <algorithm>
#include <map>

#include "engine/backend/plain/plain_backend.h"
#include "models/resnet.h"

namespace amcl::test {
namespace {

// Writes down convolutions instead of computing them.
class ConvolutionRecorder final : public PlainBackend {
 public:
  void conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) override {
    fill(y, 0.0);
    NetworkConvolution one{x.shape(), w.shape(), y.shape(), spec, recorded.empty()};
    const auto same = std::find_if(recorded.begin(), recorded.end(), [&](NetworkConvolution other) {
      other.times = one.times;
      return other == one;
    });
    if (same == recorded.end())
      recorded.push_back(one);
    else
      ++same->times;
  }

  std::vector<NetworkConvolution> recorded;
};

Shape with_images(const Shape& shape, int64_t images) {
  return {images, shape[1], shape[2], shape[3]};
}

}  // namespace

const std::vector<MeasuredNetwork>& measured_networks() {
  static const std::vector<MeasuredNetwork> networks{{"resnet18", "cifar", 32, 2 * 512},
                                                     {"resnet34", "cifar", 32, 2 * 512},
                                                     {"resnet50", "imagenet", 224, 2 * 256}};
  return networks;
}

const std::vector<NetworkConvolution>& convolutions_of(const MeasuredNetwork& network) {
  static std::map<std::string, std::vector<NetworkConvolution>> known;
  std::vector<NetworkConvolution>& found = known[network.backbone];
  if (!found.empty()) return found;
  ConvolutionRecorder recorder;
  Initializer initializer(recorder, 1);
  ResNet model(initializer, {.backbone = network.backbone, .stem = network.stem});
  model.forward(Tensor::zeros(recorder, {1, network.size, network.size, 3}, DType::f32),
                {.phase = Phase::eval});
  found = std::move(recorder.recorded);
  for (NetworkConvolution& one : found) {
    one.x = with_images(one.x, network.images);
    one.y = with_images(one.y, network.images);
  }
  return found;
}

}  // namespace amcl::test
