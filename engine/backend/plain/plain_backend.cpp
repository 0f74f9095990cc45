#include "engine/backend/plain/plain_backend.h"

#include <cstring>

namespace amcl {

// The host's side of an empty tensor may be a null pointer, which memcpy does not take.
void PlainBackend::copy_from_host(void* destination, const void* source, size_t bytes) {
  if (bytes > 0) std::memcpy(destination, source, bytes);
}

void PlainBackend::copy_to_host(void* destination, const void* source, size_t bytes) {
  if (bytes > 0) std::memcpy(destination, source, bytes);
}

void PlainBackend::copy(void* destination, const void* source, size_t bytes) {
  std::memcpy(destination, source, bytes);
}

void PlainBackend::fill_zero(void* destination, size_t bytes) {
  std::memset(destination, 0, bytes);
}

}  // namespace amcl
