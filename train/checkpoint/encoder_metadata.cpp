#include "train/checkpoint/encoder_metadata.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/views/augment_policy.h"

namespace amcl {
namespace {

constexpr int64_t kImageChannels = 3;
constexpr int64_t kLargestSide = 4096;
// Whose reciprocal is finite.
constexpr float kLeastDeviation = std::numeric_limits<float>::min();

std::string size_text(const ImageExtent& view) {
  const std::string height = metadata_text(view.height);
  return view.height == view.width ? height : height + ' ' + metadata_text(view.width);
}

ImageExtent view_of(const MetadataReader& reader, const ImageExtent& probe,
                    const std::string& path) {
  constexpr const char* kKey = "size";
  const std::string& size = reader.text(kKey);
  if (probe != ImageExtent{} && size != size_text(probe))
    fail(ErrorKind::data, path, " is no valid checkpoint: '", kKey, "' is '", size,
         "', its probe images are of ", size_text(probe));
  const size_t space = size.find(' ');
  const Metadata sides{{kKey, size.substr(0, space)},
                       {"width", space == std::string::npos ? size : size.substr(space + 1)}};
  const MetadataReader side(sides, path);
  return {.height = side.number<int64_t>(kKey, 1, kLargestSide),
          .width = side.number<int64_t>("width", 1, kLargestSide)};
}

std::string json_list(const std::vector<std::string>& names) {
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::string> class_names(const MetadataReader& reader) {
  constexpr const char* kKey = "class_names";
  if (!reader.has(kKey)) return {};
  const auto list = nlohmann::json::parse(reader.text(kKey), nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> names;
  if (!list.is_array()) reader.complain(kKey);
  for (const nlohmann::json& name : list) {
    if (!name.is_string()) reader.complain(kKey);
    names.push_back(name.get<std::string>());
  }
  return names;
}

}  // namespace

Metadata to_metadata(const EncoderMetadata& encoder) {
  const auto& [view, resize, interpolation, normalization] = encoder.preprocessing;
  Metadata metadata{{"backbone", encoder.backbone},
                    {"stem", encoder.stem},
                    {"width", metadata_text(encoder.width)},
                    {"channels", metadata_text(kImageChannels)},
                    {"size", size_text(view)},
                    {"resize", metadata_text(resize)},
                    {"interpolation", name_of(interpolation)},
                    {"normalization_mean", metadata_text(normalization.mean)},
                    {"normalization_deviation", metadata_text(normalization.deviation)}};
  if (encoder.classes > 0) metadata["classes"] = metadata_text(encoder.classes);
  if (!encoder.class_names.empty()) metadata["class_names"] = json_list(encoder.class_names);
  return metadata;
}

EncoderMetadata encoder_metadata_from(const Metadata& metadata, const ImageExtent& probe,
                                      const std::string& path) {
  const MetadataReader reader(metadata, path);
  EncoderMetadata encoder;
  encoder.preprocessing = {.view = probe,
                           .normalization = {.mean = reader.three("normalization_mean", 0.0F, 1.0F),
                                             .deviation = reader.three("normalization_deviation",
                                                                       kLeastDeviation, 1.0F)}};
  if (!reader.has("size")) return encoder;
  encoder.backbone = reader.text("backbone");
  encoder.stem = reader.text("stem");
  encoder.width = reader.number<int64_t>("width", 1, INT32_MAX);
  reader.number<int64_t>("channels", kImageChannels, kImageChannels);
  const ImageExtent view = view_of(reader, probe, path);
  encoder.preprocessing.view = view;
  const int64_t side = std::min(view.height, view.width);
  encoder.preprocessing.resize = reader.number<int64_t>("resize", side, 2 * side);
  const std::string& interpolation = reader.text("interpolation");
  if (interpolation != "bilinear" && interpolation != "bicubic") reader.complain("interpolation");
  encoder.preprocessing.interpolation = interpolation_named(interpolation);
  if (reader.has("classes")) encoder.classes = reader.number<int64_t>("classes", 1, INT32_MAX);
  encoder.class_names = class_names(reader);
  return encoder;
}

}  // namespace amcl
