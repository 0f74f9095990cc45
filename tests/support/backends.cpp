#include "tests/support/backends.h"

#include <cstdio>
#include <memory>

#include "engine/backend/open.h"

namespace amcl::test {

Backend& plain() {
  static const std::unique_ptr<Backend> backend = open_backend("plain");
  return *backend;
}

std::vector<Backend*> fast_backends() {
  static const std::vector<std::unique_ptr<Backend>> opened = [] {
    std::vector<std::unique_ptr<Backend>> result;
    result.push_back(open_backend("cpu"));
    try {
      result.push_back(open_backend("cuda"));
    } catch (const Error& error) {
      std::printf("skipped on cuda: %s\n", error.what());
    }
    return result;
  }();
  std::vector<Backend*> result;
  for (const auto& backend : opened) result.push_back(backend.get());
  return result;
}

}  // namespace amcl::test
