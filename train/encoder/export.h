// The backbone of a checkpoint as other programs read it.
#pragma once
#include <string>

#include "train/encoder/encoder_file.h"

namespace amcl {

// Writes the backbone under torchvision's names after `prefix`, with batch counters, so that PyTorch loads
// it strictly, and what tells how it sees images as flat metadata (encoder_metadata.h; method, commit).
// Error(io).
void write_encoder(const EncoderFile& encoder, const std::string& prefix, const std::string& path);

}  // namespace amcl
