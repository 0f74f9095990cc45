// Makes a packed set (data/packed/packed_format.h) of the parts of a data set.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/bad_images.h"
#include "data/dataset.h"
#include "data/packed/packed_writer.h"
#include "engine/backend/backend.h"

namespace amcl {

struct PackOptions {
  // Pixels that the shorter side of an image has at most; larger images are resized, and all are
  // stored as pixels. 0: images stay as they are.
  int64_t size = 0;
  bool skip_bad_images = false;
  int64_t error_limit = 100;
  bool overwrite = false;
  // Called now and then with the part in work and how many of its images are done.
  std::function<void(Split part, int64_t done, int64_t count)> progress = {};
};

struct PackReport {
  struct Part {
    Split split = Split::train;
    int64_t images = 0;
    PassedOver passed_over;
  };

  std::string name;    // of the set
  std::string layout;  // as what the source was recognised
  std::vector<Part> parts;
  int64_t resumed = 0;                // images that an earlier pack had left
  int64_t bytes = 0;                  // of the file
  std::vector<std::string> left_out;  // a line for each damaged image that was skipped
  std::vector<std::string> warnings;  // Dataset::warnings of all parts
};

// Every image is decoded once, so that all in the file are good. What an earlier packer left in
// FILE.partial is kept: add() leaves out of work what is there already.
class Packer {
 public:
  // Error(usage) if `file` is there and not to be replaced. Writes nothing yet. `backend` outlives
  // it.
  Packer(Backend& backend, std::string file, PackOptions options);

  // Appends the images of a part; parts come in the order of Split. Errors: data, if the source is
  // another now than that of FILE.partial; of a bad image as BadImages::add; io, if the file cannot
  // be written, whose images then stay in FILE.partial.
  void add(const Dataset& part, Split split);
  // Gives the file its name, after the last part. Errors as add().
  PackReport finish();

 private:
  void describe(const Dataset& part, Split split);
  PackedLabel label_of(const Dataset& part, Split split, int64_t index) const;
  uint64_t stamp(const Dataset& part, Split split, int64_t index) const;
  bool keep_old(const Dataset& part, Split split, int64_t index);
  void check_still_bad(const Dataset& part, int64_t index);
  void add_images(const Dataset& part, Split split, int64_t begin, int64_t end);
  [[noreturn]] void fail_changed(int64_t number, const std::string& name) const;
  template <class Write>
  int64_t resumable(const Write& write) const;

  Backend& backend_;
  std::string file_;
  PackOptions options_;
  BadImages bad_;
  std::optional<PackedWriter> writer_;  // from the first part on
  PackedSet set_;
  PackReport report_;
  int64_t number_ = 0;  // of the first image of the part in work, among all of the source
  int64_t kept_ = 0;    // records of an earlier packer that belong to the source
};

}  // namespace amcl
