// What it takes to open the encoder of a checkpoint, as flat metadata beside its tensors: no
// configuration need be read.
//
//   backbone, stem, width     of the network: "resnet18", "cifar", "64"
//   channels                  of an image: "3"
//   size                      of the image that goes in, pixels: "32", or "20 30" for 20 rows of 30
//   resize                    shorter side of which that is the centre: "37"
//   interpolation             of the resize: "bilinear", "bicubic"
//   normalization_mean, normalization_deviation    of values from 0 to 1: "0.5 0.5 0.5"
//   classes, class_names      of the images trained on, where known: "10", a JSON list
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/views/preprocessing.h"
#include "train/checkpoint/metadata_text.h"

namespace amcl {

struct EncoderMetadata {
  std::string backbone;  // empty, as stem and width, in files from before these keys
  std::string stem;
  int64_t width = 0;
  Preprocessing preprocessing;
  int64_t classes = 0;  // 0: not known
  std::vector<std::string> class_names;
};

Metadata to_metadata(const EncoderMetadata& encoder);

// `path` is the file, for messages. Throws Error(data) if a key is missing or its value cannot be.
// Files from before these keys know the normalisation alone: the view is then `probe`, the extent
// of the images in the file.
EncoderMetadata encoder_metadata_from(const Metadata& metadata, const ImageExtent& probe,
                                      const std::string& path);

}  // namespace amcl
