#include "engine/backend/plain/plain_backend.h"

#include <cstring>

namespace amcl {

void PlainBackend::copy_from_host(void* destination, const void* source, size_t bytes) {
  std::memcpy(destination, source, bytes);
}

void PlainBackend::copy_to_host(void* destination, const void* source, size_t bytes) {
  std::memcpy(destination, source, bytes);
}

void PlainBackend::copy(void* destination, const void* source, size_t bytes) {
  std::memcpy(destination, source, bytes);
}

void PlainBackend::fill_zero(void* destination, size_t bytes) {
  std::memset(destination, 0, bytes);
}

}  // namespace amcl
