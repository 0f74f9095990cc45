// What happens when an image cannot be read or decoded.
#pragma once
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/core/check.h"

namespace amcl {

// For several threads.
class BadImages {
 public:
  // skip: up to `limit` images are skipped; otherwise the first one is an error.
  BadImages(bool skip, int64_t limit) : skip_(skip), limit_(limit) {}

  bool skips() const { return skip_; }
  // Notes that image `index` gave `error`, once for each image. Throws `error` with a remedy if
  // images are not skipped; Error(data) if there are more than the limit.
  void add(int64_t index, const Error& error);
  // Whether image `index` has been noted.
  bool holds(int64_t index) const;
  int64_t count() const;
  // A line for each image that was noted since the last call.
  std::vector<std::string> take_messages();

 private:
  bool skip_;
  int64_t limit_;
  mutable std::mutex mutex_;  // guards what follows
  std::set<int64_t> images_;
  std::vector<std::string> messages_;
};

}  // namespace amcl
