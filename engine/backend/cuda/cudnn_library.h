// cuDNN 9, opened when it is needed, and the objects of its graph interface.
#pragma once
#include <cudnn_graph.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/backend/cuda/runtime_library.h"
#include "engine/core/check.h"

// Throws Error(device) that names the function and gives cuDNN's own text.
#define AMCL_CUDNN_CALL(library, function, ...)                                 \
  do {                                                                          \
    if (const cudnnStatus_t amcl_status = (library).function(__VA_ARGS__);      \
        amcl_status != CUDNN_STATUS_SUCCESS)                                    \
      ::amcl::fail(::amcl::ErrorKind::device, "device cuda: ", #function, ": ", \
                   (library).cudnnGetErrorString(amcl_status));                 \
  } while (false)

namespace amcl::cuda {

// The functions in use, under their own names.
struct CudnnLibrary {
  RuntimeLibrary library{concat_text("libcudnn.so.", CUDNN_MAJOR)};
#define AMCL_FUNCTION(name) decltype(::name)* name = find<decltype(::name)>(#name)
  AMCL_FUNCTION(cudnnCreate);
  AMCL_FUNCTION(cudnnDestroy);
  AMCL_FUNCTION(cudnnSetStream);
  AMCL_FUNCTION(cudnnGetVersion);
  AMCL_FUNCTION(cudnnGetErrorString);
  AMCL_FUNCTION(cudnnBackendCreateDescriptor);
  AMCL_FUNCTION(cudnnBackendDestroyDescriptor);
  AMCL_FUNCTION(cudnnBackendSetAttribute);
  AMCL_FUNCTION(cudnnBackendGetAttribute);
  AMCL_FUNCTION(cudnnBackendFinalize);
  AMCL_FUNCTION(cudnnBackendExecute);
#undef AMCL_FUNCTION

  std::string version() const;  // "cuDNN 9.19.0"

 private:
  template <class Function>
  Function* find(const char* symbol) const {
    Function* function = nullptr;
    library.find(function, symbol);
    return function;
  }
};

// One object of the graph interface: attributes first, then finalize.
class CudnnDescriptor {
 public:
  CudnnDescriptor(const CudnnLibrary& library, cudnnBackendDescriptorType_t type)
      : library_(&library) {
    AMCL_CUDNN_CALL(*library_, cudnnBackendCreateDescriptor, type, &descriptor_);
  }
  ~CudnnDescriptor() {
    if (descriptor_ != nullptr) library_->cudnnBackendDestroyDescriptor(descriptor_);
  }
  CudnnDescriptor(CudnnDescriptor&& other) noexcept
      : library_(other.library_), descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept {
    std::swap(library_, other.library_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  cudnnBackendDescriptor_t get() const { return descriptor_; }

  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
           std::span<const T> values) {
    AMCL_CUDNN_CALL(*library_, cudnnBackendSetAttribute, descriptor_, name, type,
                    static_cast<int64_t>(values.size()), values.data());
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    set(name, type, std::span<const T>(&value, 1));
  }
  void set(cudnnBackendAttributeName_t name, int64_t value) { set(name, CUDNN_TYPE_INT64, value); }
  void set(cudnnBackendAttributeName_t name, std::span<const int64_t> values) {
    set(name, CUDNN_TYPE_INT64, values);
  }
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& part) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, part.descriptor_);
  }
  // The number of elements that there are; of them as many as fit came into `values`.
  template <class T>
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
              std::span<T> values) const {
    int64_t count = 0;
    AMCL_CUDNN_CALL(*library_, cudnnBackendGetAttribute, descriptor_, name, type,
                    static_cast<int64_t>(values.size()), &count, values.data());
    return count;
  }
  int64_t integer(cudnnBackendAttributeName_t name) const {
    int64_t value = 0;
    get(name, CUDNN_TYPE_INT64, std::span(&value, 1));
    return value;
  }

  // False where cuDNN has nothing for what was described. Throws whatever else is wrong with it.
  [[nodiscard]] bool finalize();
  // False whatever is wrong with it: for one of several that would do.
  [[nodiscard]] bool try_finalize();

 private:
  const CudnnLibrary* library_;
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

}  // namespace amcl::cuda
