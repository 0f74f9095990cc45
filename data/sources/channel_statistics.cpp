#include "data/sources/channel_statistics.h"

#include <algorithm>
#include <cmath>

namespace amcl {

void ChannelStatistics::add(const uint8_t* pixels, int64_t count) {
  count_ += count;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t channel = 0; channel < 3; ++channel) {
      const uint64_t value = pixels[i * 3 + channel];
      sum_[channel] += value;
      squares_[channel] += value * value;
    }
}

ImageNormalization ChannelStatistics::result() const {
  ImageNormalization result;
  if (count_ == 0) return result;
  const auto count = static_cast<double>(count_);
  for (size_t channel = 0; channel < 3; ++channel) {
    const double mean = static_cast<double>(sum_[channel]) / count;
    const double variance = static_cast<double>(squares_[channel]) / count - mean * mean;
    result.mean[channel] = static_cast<float>(mean / 255.0);
    result.deviation[channel] = static_cast<float>(std::sqrt(std::max(variance, 1.0)) / 255.0);
  }
  return result;
}

ImageNormalization measure_normalization(
    int64_t count, const std::function<std::vector<uint8_t>(int64_t index)>& pixels_of) {
  ChannelStatistics statistics;
  const int64_t step = (count + kMeasuredImages - 1) / kMeasuredImages;
  for (int64_t index = 0; index < count; index += step) {
    const std::vector<uint8_t> pixels = pixels_of(index);
    statistics.add(pixels.data(), std::ssize(pixels) / 3);
  }
  return statistics.result();
}

ImageNormalization measure_normalization(const Tensor& images) {
  return measure_normalization(images.dim(0), [&](int64_t index) {
    return images.slice(index, index + 1).to_host<uint8_t>();
  });
}

}  // namespace amcl
