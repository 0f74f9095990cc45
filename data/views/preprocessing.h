// What an encoder is given of an image outside of training, whatever set the image comes from: a
// property of the encoder, which has learnt to see images like that.
#pragma once
#include <cstdint>
#include <string>

#include "data/dataset.h"
#include "data/image_files.h"
#include "engine/backend/op_specs.h"

namespace amcl {

struct Preprocessing {
  ImageExtent view;  // of the image that goes into the encoder
  // Pixels of the shorter side of the resized image, of which the view is the middle; 0: what the
  // set's own images suggest (preprocessing_of).
  int64_t resize = 0;
  Interpolation interpolation = Interpolation::bilinear;
  ImageNormalization normalization;
};

// As the set stands. Images that all have the view's size are taken whole; of others the shorter
// side is resized to 8/7 of the view's (256 for 224).
Preprocessing preprocessing_of(const Dataset& dataset);

// Sets `dataset` so that its images are preprocessed like that. Error(usage) for views that are not
// square unless its images have their size.
void preprocess_with(Dataset& dataset, const Preprocessing& preprocessing);

// The same for square views of another side.
Preprocessing with_size(const Preprocessing& preprocessing, int64_t size);

// "32 x 32 from the centre, shorter side at 37 (bilinear), mean 0.5 0.5 0.5, deviation 1 1 1"; or
// less, where less is known.
std::string describe(const Preprocessing& preprocessing);

}  // namespace amcl
