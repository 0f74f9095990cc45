// Makes a packed set (data/packed/packed_format.h) of any source.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "engine/backend/backend.h"

namespace amcl {

struct PackOptions {
  std::string layout = "auto";  // of the source
  // Pixels that the shorter side of an image has at most; larger images are resized, and all are
  // stored as pixels. 0: images stay as they are.
  int64_t size = 0;
  bool skip_bad_images = false;
  int64_t error_limit = 100;
  bool overwrite = false;
  uint64_t seed = 1;  // of shapes10
  // Called now and then with the part in work and how many of its images are done.
  std::function<void(Split part, int64_t done, int64_t count)> progress = {};
};

struct PackedPart {
  Split split = Split::train;
  int64_t images = 0;
  PassedOver passed_over;
};

struct PackReport {
  std::string name;    // of the set
  std::string layout;  // as what the source was recognised
  std::vector<PackedPart> parts;
  int64_t resumed = 0;                // images that an earlier pack had left
  int64_t bytes = 0;                  // of the file
  std::vector<std::string> left_out;  // a line for each damaged image that was skipped
  std::vector<std::string> warnings;  // Dataset::warnings of all parts
};

// Packs every part of `source` into `file`; Error(usage) if it is there and not to be replaced. Every image is decoded once, so
// that all in the file are good. What an earlier call left in `file`.partial is kept; Error(data) if
// the source is another now. Errors of the source as open_dataset(); of a bad image as
// BadImages::add; io, if the file cannot be written.
PackReport pack_dataset(Backend& backend, const std::string& source, const std::string& file,
                        const PackOptions& options);

}  // namespace amcl
