// An encoder as a graph of ONNX (opset 17), which other programs run.
#pragma once
#include <string>

#include "train/encoder/encoder_file.h"

namespace amcl {

struct OnnxOptions {
  bool fold_batch_norm = false;  // into the convolutions
  // Input u8 [batch, height, width, 3] instead of normalised f32 [batch, 3, height, width]; the resize is
  // left to the caller.
  bool with_preprocessing = false;
  bool with_head = false;  // the output `logits` [batch, K] beside `features` [batch, D]
};

// Writes the graph with input `images`; the batch is symbolic, height and width are the encoder's, and
// symbolic too where it does not say. Its metadata are those of write_encoder. Error(usage) for a head or
// a preprocessing that the encoder does not have, and above the 2 GiB of the format; Error(io).
void write_onnx(const EncoderFile& encoder, const OnnxOptions& options, const std::string& path);

}  // namespace amcl
