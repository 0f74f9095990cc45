#include "train/run/encoder_config.h"

#include <array>
#include <optional>

#include "train/encoder/encoder_file.h"

namespace amcl {
namespace {

std::array<double, 3> in_double(const std::array<float, 3>& channels) {
  return {channels[0], channels[1], channels[2]};
}

// Views that are not square are those of images of one size, which need no resizing.
void see_as(const Preprocessing& seen, const ResolvedConfig& given, Config& config) {
  DatasetOptions& reading = config.data.reading;
  if (!given.gives("size") && seen.view.height == seen.view.width) reading.size = seen.view.height;
  if (!given.gives("interpolation")) config.augment.interpolation = seen.interpolation;
  if (!given.gives("mean")) reading.mean = in_double(seen.normalization.mean);
  if (!given.gives("deviation")) reading.deviation = in_double(seen.normalization.deviation);
}

}  // namespace

ResolvedConfig with_encoder(ResolvedConfig given,
                            const std::function<void(const std::string&)>& warn) {
  Config& config = given.config;
  const EncoderFile encoder = read_encoder_file(config.train.init, warn);
  std::visit([&](auto& method) { method.backbone = encoder.backbone; }, config.method);
  if (encoder.metadata)
    see_as(encoder.metadata->preprocessing, given, config);
  else if (!given.gives("size") && encoder.backbone.stem != usual_stem(1))
    config.data.reading.size = kFileViewSize;
  return given;
}

}  // namespace amcl
