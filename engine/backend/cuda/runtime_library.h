// A shared library that is opened when it is needed, so that the program starts on machines without
// it. It stays loaded until the process ends: NVIDIA's libraries leave threads, and functions to be
// called at the end, that need their code.
#pragma once
#include <string>

namespace amcl::cuda {

class RuntimeLibrary {
 public:
  // Throws Error(device) with the loader's reason if it cannot be opened.
  explicit RuntimeLibrary(const std::string& name);

  // Sets `function` to what the library calls `symbol`; throws Error(device) if it has none.
  template <class Function>
  void find(Function*& function, const char* symbol) const {
    function = reinterpret_cast<Function*>(address_of(symbol));
  }

 private:
  void* address_of(const char* symbol) const;

  std::string name_;
  void* handle_;
};

}  // namespace amcl::cuda
