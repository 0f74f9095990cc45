#include "engine/backend/cuda/runtime_library.h"

#include <dlfcn.h>

#include "engine/core/check.h"

namespace amcl::cuda {

RuntimeLibrary::RuntimeLibrary(const std::string& name)
    : name_(name), handle_(dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) {
  if (handle_ == nullptr)
    fail(ErrorKind::device, "device cuda: ", dlerror(),
         "; install it or name its folder in LD_LIBRARY_PATH");
}

void* RuntimeLibrary::address_of(const char* symbol) const {
  void* address = dlsym(handle_, symbol);
  if (address == nullptr)
    fail(ErrorKind::device, "device cuda: ", name_, " has no ", symbol,
         "; another version is needed");
  return address;
}

}  // namespace amcl::cuda
