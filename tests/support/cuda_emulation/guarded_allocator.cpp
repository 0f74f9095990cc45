#include "tests/support/cuda_emulation/guarded_allocator.h"

#include <algorithm>
#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define AMCL_GUARD_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AMCL_GUARD_ASAN 1
#endif
#endif
#ifdef AMCL_GUARD_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace amcl::emulation {
namespace {

constexpr size_t kGuard = 192;   // bytes before and after, a multiple of 64 but not of 128
constexpr std::byte kNaN{0xff};  // in every floating type
constexpr std::align_val_t kAlign{128};

void protect([[maybe_unused]] std::byte* begin, [[maybe_unused]] size_t bytes,
             [[maybe_unused]] bool on) {
#ifdef AMCL_GUARD_ASAN
  if (on)
    ASAN_POISON_MEMORY_REGION(begin, bytes);
  else
    ASAN_UNPOISON_MEMORY_REGION(begin, bytes);
#endif
}

bool intact(const std::byte* guard) {
  return std::all_of(guard, guard + kGuard, [](std::byte value) { return value == kNaN; });
}

}  // namespace

void* GuardedAllocator::allocate(size_t bytes) {
  auto* base = static_cast<std::byte*>(::operator new(bytes + 2 * kGuard, kAlign));
  std::fill_n(base, bytes + 2 * kGuard, kNaN);
  protect(base, kGuard, true);
  protect(base + kGuard + bytes, kGuard, true);
  const std::lock_guard lock(mutex_);
  use_.in_use += static_cast<int64_t>(bytes);
  use_.reserved = use_.in_use;
  use_.peak = std::max(use_.peak, use_.in_use);
  return base + kGuard;
}

void GuardedAllocator::release(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  auto* begin = static_cast<std::byte*>(block);
  protect(begin - kGuard, kGuard, false);
  protect(begin + bytes, kGuard, false);
  const bool whole = intact(begin - kGuard) && intact(begin + bytes);
  ::operator delete(begin - kGuard, kAlign);
  const std::lock_guard lock(mutex_);
  use_.in_use -= static_cast<int64_t>(bytes);
  use_.reserved = use_.in_use;
  if (!whole) ++overruns_;
}

MemoryUse GuardedAllocator::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void GuardedAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  use_.peak = use_.in_use;
}

int64_t GuardedAllocator::overruns() const {
  const std::lock_guard lock(mutex_);
  return overruns_;
}

}  // namespace amcl::emulation
