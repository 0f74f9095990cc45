#include "train/encoder/feature_record.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "data/views/augment_policy.h"
#include "engine/core/check.h"
#include "engine/io/file.h"

namespace amcl {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMostBytes = 1 << 20;

Json json_of(const FeatureRecord& record) {
  const Preprocessing& seen = record.seen;
  return {{"encoder", record.encoder},
          {"encoder_weights", record.encoder_weights},
          {"layer", record.layer},
          {"head", record.head},
          {"data", record.data},
          {"layout", record.layout},
          {"split", record.split},
          {"limit", record.limit},
          {"images", record.images},
          {"rows", record.rows},
          {"width", record.width},
          {"size", {seen.view.height, seen.view.width}},
          {"resize", seen.resize},
          {"interpolation", name_of(seen.interpolation)},
          {"mean", seen.normalization.mean},
          {"deviation", seen.normalization.deviation},
          {"views", record.views},
          {"seed", record.seed},
          {"augmentation", record.augmentation},
          {"normalize", record.normalize},
          {"dtype", record.dtype},
          {"precision", record.precision},
          {"device", record.device}};
}

std::string shown(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string record_path_of(const std::string& features) {
  return features + ".json";
}

std::string to_text(const FeatureRecord& record) {
  return json_of(record).dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

FeatureRecord record_from(const std::string& text, const std::string& path) {
  try {
    const Json json = Json::parse(text);
    FeatureRecord record;
    json.at("encoder").get_to(record.encoder);
    json.at("encoder_weights").get_to(record.encoder_weights);
    json.at("layer").get_to(record.layer);
    json.at("head").get_to(record.head);
    json.at("data").get_to(record.data);
    json.at("layout").get_to(record.layout);
    json.at("split").get_to(record.split);
    json.at("limit").get_to(record.limit);
    json.at("images").get_to(record.images);
    json.at("rows").get_to(record.rows);
    json.at("width").get_to(record.width);
    json.at("size").at(0).get_to(record.seen.view.height);
    json.at("size").at(1).get_to(record.seen.view.width);
    json.at("resize").get_to(record.seen.resize);
    record.seen.interpolation = interpolation_named(json.at("interpolation").get<std::string>());
    json.at("mean").get_to(record.seen.normalization.mean);
    json.at("deviation").get_to(record.seen.normalization.deviation);
    json.at("views").get_to(record.views);
    json.at("seed").get_to(record.seed);
    json.at("augmentation").get_to(record.augmentation);
    json.at("normalize").get_to(record.normalize);
    json.at("dtype").get_to(record.dtype);
    json.at("precision").get_to(record.precision);
    json.at("device").get_to(record.device);
    return record;
  } catch (const Json::exception& error) {
    fail(ErrorKind::data, path, ": is no record of a file of features: ", error.what());
  }
}

FeatureRecord read_feature_record(const std::string& features) {
  const std::string path = record_path_of(features);
  File file = File::open_for_reading(path);
  if (file.size() > kMostBytes)
    fail(ErrorKind::data, path, ": is no record of a file of features: too long");
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  return record_from(text, path);
}

std::vector<std::string> differences(const FeatureRecord& was, const FeatureRecord& is) {
  static const std::set<std::string> places = {"encoder", "data", "layout", "split", "limit"};
  const Json before = json_of(was);
  const Json now = json_of(is);
  std::vector<std::string> names;
  for (const auto& [key, value] : now.items())
    if (!places.contains(key) && before.at(key) != value)
      names.push_back(concat_text(key, " was ", shown(before.at(key)), ", is ", shown(value)));
  return names;
}

}  // namespace amcl
