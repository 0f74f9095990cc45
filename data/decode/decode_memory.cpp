#include "data/decode/decode_memory.h"

#include <algorithm>

#include "engine/core/host_memory.h"

namespace amcl {
namespace {

constexpr int64_t kSmallBytes = int64_t{16} << 20;
// Where little is free, or the system does not tell.
constexpr int64_t kLeastBytes = int64_t{256} << 20;

}  // namespace

void DecodeMemory::take(int64_t bytes) {
  std::unique_lock lock(mutex_);
  if (most_ == 0) most_ = std::max(kLeastBytes, free_host_bytes() / 4);
  room_.wait(lock, [&] { return used_ == 0 || used_ + bytes <= most_; });
  used_ += bytes;
}

void DecodeMemory::give_back(int64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
  }
  room_.notify_all();
}

DecodeShare::DecodeShare(DecodeMemory* memory, int64_t bytes)
    : memory_(bytes > kSmallBytes ? memory : nullptr), bytes_(bytes) {
  if (memory_ != nullptr) memory_->take(bytes_);
}

DecodeShare::~DecodeShare() {
  if (memory_ != nullptr) memory_->give_back(bytes_);
}

}  // namespace amcl
