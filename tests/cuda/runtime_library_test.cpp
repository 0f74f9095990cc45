// Libraries that are opened at run time.
#include "engine/backend/cuda/runtime_library.h"

#include <dlfcn.h>
#include <doctest/doctest.h>

#include "engine/core/check.h"

namespace amcl {
namespace {

// libanswer.so of this folder.
const char* kLibrary = AMCL_TEST_LIBRARY;

TEST_CASE("runtime library: what it opened stays loaded when the object is gone") {
  REQUIRE(dlopen(kLibrary, RTLD_LAZY | RTLD_NOLOAD) == nullptr);
  int (*answer)() = nullptr;
  cuda::RuntimeLibrary(kLibrary).find(answer, "answer");
  void* again = dlopen(kLibrary, RTLD_LAZY | RTLD_NOLOAD);
  REQUIRE(again != nullptr);
  dlclose(again);
  CHECK(answer() == 42);
}

TEST_CASE("runtime library: one that is missing, or lacks a function, is named") {
  CHECK_THROWS_WITH_AS(cuda::RuntimeLibrary("libnowhere.so.9"),
                       doctest::Contains("libnowhere.so.9"), Error);
  int (*question)() = nullptr;
  CHECK_THROWS_WITH_AS(cuda::RuntimeLibrary(kLibrary).find(question, "question"),
                       doctest::Contains("has no question"), Error);
}

}  // namespace
}  // namespace amcl
