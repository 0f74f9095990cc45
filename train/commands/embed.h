// What `amcl embed` does.
#pragma once
#include <cstdint>
#include <string>

#include "train/commands/feature_maker.h"
#include "train/progress.h"

namespace amcl {

struct EmbedOptions {
  std::string encoder;        // run directory, checkpoint, or file of another program
  std::string data;           // directory, file, or "shapes10"
  std::string out;            // features; the index is beside it
  std::string format;         // kFeatureFormatNames; empty: by the ending of `out`
  std::string dtype = "f32";  // f32 | f16
  FeatureOptions features;
  std::string layout = "auto";  // of the data, as the next
  std::string split = "train";
  int64_t limit = 0;  // first N images; 0: all
  int64_t size = 0;   // of the images that go in; 0: the encoder's
  std::string mean;   // "R,G,B"; empty: the encoder's
  std::string deviation;
  std::string on_error = "stop";  // stop | skip: a row that is not a number
  int64_t error_limit = 100;
  bool resume = false;
  bool overwrite = false;
  std::string device = "cpu";
  int64_t threads = 0;
  ProgressOptions progress;
};

// Returns the exit code. Throws what opening the encoder and the images throws.
int run_embed(const EmbedOptions& options);

}  // namespace amcl
