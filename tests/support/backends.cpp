#include "tests/support/backends.h"

#include <cstdio>
#include <memory>

#include "engine/backend/open.h"

namespace amcl::test {
namespace {

using Backends = std::vector<std::unique_ptr<Backend>>;

Backends open_fast(const BackendOptions& of_cuda) {
  Backends result;
  result.push_back(open_backend("cpu"));
  try {
    result.push_back(open_backend("cuda", of_cuda));
  } catch (const Error& error) {
    std::printf("skipped on cuda: %s\n", error.what());
  }
  return result;
}

std::vector<Backend*> pointers(const Backends& backends) {
  std::vector<Backend*> result;
  for (const auto& backend : backends) result.push_back(backend.get());
  return result;
}

}  // namespace

Backend& plain() {
  static const std::unique_ptr<Backend> backend = open_backend("plain");
  return *backend;
}

// Neither of these is ever closed: at the end of the program a GPU's libraries may be gone before.
std::vector<Backend*> fast_backends() {
  static const auto& opened = *new Backends(open_fast({}));
  return pointers(opened);
}

std::vector<Backend*> repeatable_backends() {
  static const auto& opened = *new Backends(open_fast({.deterministic = true}));
  return pointers(opened);
}

}  // namespace amcl::test
