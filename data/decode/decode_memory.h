// The working memory of decoders that run side by side. A file of a few kilobytes may claim 100
// million pixels, which take up to a gigabyte while they are decoded: not in every thread at once.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace amcl {

class DecodeMemory {
 public:
  // Bytes for all decoders together. 0: a quarter of what is free when the first large image comes.
  explicit DecodeMemory(int64_t most = 0) : most_(most) {}

 private:
  friend class DecodeShare;
  void take(int64_t bytes);
  void give_back(int64_t bytes);

  std::mutex mutex_;  // guards what follows
  std::condition_variable room_;
  int64_t most_;
  int64_t used_ = 0;
};

// What one image takes of it, while this lives; a thread has one at a time.
class DecodeShare {
 public:
  // Waits until there is room; an image that needs more than all of it waits until no other is
  // being decoded. Small images are not counted, so that they never wait. memory: null for no
  // limit.
  DecodeShare(DecodeMemory* memory, int64_t bytes);
  DecodeShare(const DecodeShare&) = delete;
  DecodeShare& operator=(const DecodeShare&) = delete;
  ~DecodeShare();

 private:
  DecodeMemory* memory_;
  int64_t bytes_;
};

}  // namespace amcl
