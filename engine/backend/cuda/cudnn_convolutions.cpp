#include "engine/backend/cuda/cudnn_convolutions.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "engine/backend/cuda/alignment.h"
#include "engine/backend/cuda/runtime_library.h"
#include "engine/core/check.h"

#define AMCL_CUDNN_CALL(library, function, ...)                            \
  do {                                                                     \
    if (const cudnnStatus_t amcl_status = (library).function(__VA_ARGS__); \
        amcl_status != CUDNN_STATUS_SUCCESS)                               \
      fail(ErrorKind::device, "device cuda: ", #function, ": ",            \
           (library).cudnnGetErrorString(amcl_status));                    \
  } while (false)

namespace amcl::cuda {

struct CudnnConvolutions::Functions {
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

 private:
  template <class Function>
  Function* find(const char* symbol) const {
    Function* function = nullptr;
    library.find(function, symbol);
    return function;
  }
};

// One object of cuDNN's graph interface: attributes first, then finalize.
class CudnnConvolutions::Descriptor {
 public:
  Descriptor(const Functions& library, cudnnBackendDescriptorType_t type) : library_(&library) {
    AMCL_CUDNN_CALL(*library_, cudnnBackendCreateDescriptor, type, &descriptor_);
  }
  ~Descriptor() {
    if (descriptor_ != nullptr) library_->cudnnBackendDestroyDescriptor(descriptor_);
  }
  Descriptor(Descriptor&& other) noexcept
      : library_(other.library_), descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  Descriptor& operator=(Descriptor&&) = delete;

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
  void set(cudnnBackendAttributeName_t name, const Descriptor& part) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, part.descriptor_);
  }
  // The number of elements that were there.
  template <class T>
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
              std::span<T> values) const {
    int64_t count = 0;
    AMCL_CUDNN_CALL(*library_, cudnnBackendGetAttribute, descriptor_, name, type,
                    static_cast<int64_t>(values.size()), &count, values.data());
    return count;
  }
  void finalize() { AMCL_CUDNN_CALL(*library_, cudnnBackendFinalize, descriptor_); }
  // False where this machine cannot do what was described: another engine may.
  bool try_finalize() {
    return library_->cudnnBackendFinalize(descriptor_) == CUDNN_STATUS_SUCCESS;
  }

 private:
  const Functions* library_;
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

// An execution plan and the memory that it wants.
struct CudnnConvolutions::Engine {
  Descriptor plan;
  int64_t workspace_bytes = 0;
};

namespace {

enum TensorId : int64_t { kX = 'x', kW = 'w', kY = 'y' };

cudnnDataType_t cudnn_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return CUDNN_DATA_FLOAT;
    case DType::f64:
      return CUDNN_DATA_DOUBLE;
    case DType::bf16:
      return CUDNN_DATA_BFLOAT16;
    default:
      fail(ErrorKind::usage, "device cuda: conv2d computes in f32, f64 and bf16, not in ", dtype);
  }
}

// The attributes by which the three operations call the same things.
struct OperationNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t convolution, x, w, y, alpha, beta;
};

OperationNames names_of(ConvPass pass) {
  switch (pass) {
    case ConvPass::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvPass::input_gradient:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case ConvPass::filter_gradient:
      break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

}  // namespace

CudnnConvolutions::CudnnConvolutions(const CudaOptions& options)
    : options_(options), library_(std::make_unique<Functions>()) {
  AMCL_CUDNN_CALL(*library_, cudnnCreate, &handle_);
}

CudnnConvolutions::~CudnnConvolutions() {
  engines_.clear();
  library_->cudnnDestroy(handle_);
}

std::string CudnnConvolutions::version() const {
  const size_t number = library_->cudnnGetVersion();
  return concat_text("cuDNN ", number / 10000, '.', number / 100 % 100, '.', number % 100);
}

CudnnConvolutions::Descriptor CudnnConvolutions::operation_graph(const ConvPlan& plan,
                                                                 int64_t alignment) {
  const auto tensor = [&](const ConvTensor& described, int64_t id) {
    Descriptor result(*library_, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    result.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, cudnn_type(described.dtype));
    result.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::span<const int64_t>(described.dimensions));
    result.set(CUDNN_ATTR_TENSOR_STRIDES, std::span<const int64_t>(described.strides));
    result.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
    result.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment);
    result.finalize();
    return result;
  };
  const bool wide = plan.x.dtype == DType::f64;
  Descriptor convolution(*library_, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
                  cudnn_type(wide ? DType::f64 : DType::f32));
  convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
                  CUDNN_CROSS_CORRELATION);
  convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
  convolution.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::span<const int64_t>(plan.dilation));
  convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::span<const int64_t>(plan.stride));
  convolution.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, std::span<const int64_t>(plan.padding));
  convolution.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, std::span<const int64_t>(plan.padding));
  convolution.finalize();

  // The parts outlive what is made of them: cuDNN does not say that it copies.
  const Descriptor x = tensor(plan.x, kX);
  const Descriptor w = tensor(plan.w, kW);
  const Descriptor y = tensor(plan.y, kY);
  const OperationNames names = names_of(plan.pass);
  Descriptor operation(*library_, names.type);
  operation.set(names.convolution, convolution);
  operation.set(names.x, x);
  operation.set(names.w, w);
  operation.set(names.y, y);
  if (wide) {
    operation.set(names.alpha, CUDNN_TYPE_DOUBLE, 1.0);
    operation.set(names.beta, CUDNN_TYPE_DOUBLE, 0.0);
  } else {
    operation.set(names.alpha, CUDNN_TYPE_FLOAT, 1.0f);
    operation.set(names.beta, CUDNN_TYPE_FLOAT, 0.0f);
  }
  operation.finalize();

  Descriptor graph(*library_, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle_);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph.finalize();
  return graph;
}

// Not where the engine of a configuration adds in an order of its own each time, or rounds f32, and
// that is not wanted.
bool CudnnConvolutions::acceptable(const Descriptor& configuration, const ConvPlan& plan) {
  const Descriptor engine(*library_, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t handle = engine.get();
  configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                    std::span(&handle, 1));
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  const int64_t count = engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                   std::span<cudnnBackendNumericalNote_t>(notes));
  const bool exact = plan.x.dtype == DType::f64 || (plan.x.dtype == DType::f32 && !options_.tf32);
  return std::none_of(notes.begin(), notes.begin() + count, [&](auto note) {
    return (options_.deterministic && note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) ||
           (exact && (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE ||
                      note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)) ||
           note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION;
  });
}

std::unique_ptr<CudnnConvolutions::Engine> CudnnConvolutions::choose_engine(const ConvPlan& plan,
                                                                            int64_t alignment) {
  constexpr size_t kCandidates = 32;
  const Descriptor graph = operation_graph(plan, alignment);
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    Descriptor heuristic(*library_, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
    if (!heuristic.try_finalize()) continue;
    std::vector<Descriptor> configurations;
    std::vector<cudnnBackendDescriptor_t> handles;
    for (size_t i = 0; i < kCandidates; ++i) {
      configurations.emplace_back(*library_, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
      handles.push_back(configurations.back().get());
    }
    const int64_t found = heuristic.get(CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, std::span(handles));
    for (size_t i = 0; i < std::min(static_cast<size_t>(found), kCandidates); ++i) {
      if (!acceptable(configurations[i], plan)) continue;
      Descriptor execution(*library_, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      execution.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle_);
      execution.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configurations[i]);
      if (!execution.try_finalize()) continue;
      auto engine = std::make_unique<Engine>(Engine{std::move(execution)});
      engine->plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
                       std::span(&engine->workspace_bytes, 1));
      return engine;
    }
  }
  return nullptr;
}

CudnnConvolutions::Engine* CudnnConvolutions::engine_for(const ConvPlan& plan, int64_t alignment) {
  const std::string text = concat_text(describe(plan), ",alignment=", alignment);
  auto found = engines_.find(text);
  if (found == engines_.end()) found = engines_.emplace(text, choose_engine(plan, alignment)).first;
  return found->second.get();
}

void CudnnConvolutions::run(const ConvPlan& plan, const Tensor& x, const Tensor& w, const Tensor& y,
                            cudaStream_t stream) {
  if (!try_run(plan, x, w, y, stream))
    fail(ErrorKind::device, "device cuda: ", version(), " has no",
         options_.deterministic ? " deterministic" : "", " engine for ", describe(plan));
}

bool CudnnConvolutions::try_run(const ConvPlan& plan, const Tensor& x, const Tensor& w,
                                const Tensor& y, cudaStream_t stream) {
  Engine* found = engine_for(plan, common_alignment({x.raw(), w.raw(), y.raw()}));
  if (found == nullptr) return false;
  Engine& engine = *found;
  AMCL_CUDNN_CALL(*library_, cudnnSetStream, handle_, stream);
  Tensor workspace =
      Tensor::empty(y.device(), {std::max<int64_t>(engine.workspace_bytes, 1)}, DType::u8);
  const std::array<int64_t, 3> ids{kX, kW, kY};
  const std::array<const void*, 3> pointers{x.raw(), w.raw(), y.raw()};
  Descriptor arguments(*library_, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  arguments.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const int64_t>(ids));
  arguments.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
                std::span<const void* const>(pointers));
  arguments.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace.raw());
  arguments.finalize();
  AMCL_CUDNN_CALL(*library_, cudnnBackendExecute, handle_, engine.plan.get(), arguments.get());
  return true;
}

}  // namespace amcl::cuda
