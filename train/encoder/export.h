// The backbone of a checkpoint as other programs read it.
#pragma once
#include <string>

#include "train/encoder/encoder_file.h"

namespace amcl {

// What tells how the encoder sees images, flat (encoder_metadata.h; method, commit), without what only its
// run can use.
Metadata exported_metadata(const EncoderFile& encoder);

// Writes the backbone under torchvision's names after `prefix`, with batch counters, so that PyTorch loads
// it strictly, with exported_metadata. Error(io).
void write_encoder(const EncoderFile& encoder, const std::string& prefix, const std::string& path);

}  // namespace amcl
