// What a file of features was made of, kept beside it as JSON: enough to make the row of one more image,
// and to refuse to go on with another job.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/views/preprocessing.h"

namespace amcl {

struct FeatureRecord {
  std::string encoder = {};          // path of the file
  std::string encoder_weights = {};  // differs once the weights do
  std::string layer = "backbone";
  int64_t head = 0;
  std::string data = {};  // path of the images, or "shapes10"
  std::string layout = "auto";
  std::string split = "train";
  int64_t limit = 0;
  std::string images = {};  // their fingerprint
  int64_t rows = 0;
  int64_t width = 0;
  Preprocessing seen = {};
  int64_t views = 0;  // augmented ones, whose mean a row is; 0: the image as it is
  uint64_t seed = 1;  // of the views
  std::string augmentation = {};
  bool normalize = false;
  std::string dtype = "f32";
  std::string precision = "f32";
  std::string device = "cpu";
};

std::string record_path_of(const std::string& features);
std::string to_text(const FeatureRecord& record);
// Error(data) naming the path if it is no such record.
FeatureRecord record_from(const std::string& text, const std::string& path);
// The record beside a file of features. Error(missing), Error(data).
FeatureRecord read_feature_record(const std::string& features);

// What the bytes of the rows depend on and is not the same, by name: "layer was backbone, is projection".
// Where the encoder and the images lie is not among it.
std::vector<std::string> differences(const FeatureRecord& was, const FeatureRecord& is);

}  // namespace amcl
