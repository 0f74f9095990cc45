// From an encoder to rows of features of images, as `amcl embed` writes them and `amcl search` compares them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/views/augment_policy.h"
#include "engine/backend/backend.h"
#include "train/encoder/encoder_file.h"

namespace amcl {

struct FeatureOptions {
  std::string layer = "backbone";  // backbone | projection
  int64_t head = 0;                // of the projection
  int64_t views = 0;               // augmented ones, whose mean is taken; 0: the image as it is
  uint64_t seed = 1;               // of the views
  bool normalize = false;          // rows of length 1
  std::string precision = "f32";   // f32 | bf16: of activations and weights of the backbone
};

class FeatureMaker {
 public:
  // Error(usage) for a head that is not there or a precision that the device or layer has not, Error(data) for a file without heads; else as Encoder.
  // `backend` outlives the maker.
  FeatureMaker(const EncoderFile& file, const FeatureOptions& options, Backend& backend);

  int64_t width() const { return width_; }
  // How the views are drawn: as the encoder's run did, of a file without a run with the usual settings.
  // `dataset` is preprocessed as the encoder sees it.
  AugmentPolicy policy(const Dataset& dataset) const;
  // Its settings, for a record: "crop_scale 0.08,1 ..."; empty without views.
  std::string policy_text(const Dataset& dataset) const;
  // Rows [images, width]. The views of image i are those that training with the seed sees of it in its
  // first epochs, two an epoch: a function of seed, image and view. Error(numeric) for features that are
  // not finite; of images that cannot be read as evaluation_batch.
  std::vector<float> rows(const Dataset& dataset, std::span<const int64_t> images) const;

 private:
  void use_projection(const EncoderFile& file);
  std::vector<float> mean_over_views(const Dataset& dataset, std::span<const int64_t> images) const;

  FeatureOptions options_;
  Backend& backend_;
  std::function<Tensor(const Tensor&)> forward_;  // [N, H, W, 3] -> [N, width]
  int64_t width_ = 0;
  std::optional<AugmentPolicy> trained_;  // of the run, without what depends on the images
};

}  // namespace amcl
