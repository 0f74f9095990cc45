#include "engine/backend/cuda/conv_engines.h"

#include <algorithm>

namespace amcl::cuda {
namespace {

// The names of the tensors among an engine's arguments.
enum TensorId : int64_t { kX = 'x', kW = 'w', kY = 'y' };

// More than cuDNN's heuristic has named for any convolution.
constexpr size_t kMostCandidates = 64;

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

// What cuDNN notes of an engine.
template <class Note>
class Notes {
 public:
  Notes(const CudnnDescriptor& engine, cudnnBackendAttributeName_t name,
        cudnnBackendAttributeType_t type)
      : count_(std::min(engine.get(name, type, std::span<Note>(notes_)), std::ssize(notes_))) {}
  bool has(Note note) const {
    return std::find(notes_.begin(), notes_.begin() + count_, note) != notes_.begin() + count_;
  }

 private:
  std::array<Note, 32> notes_{};
  int64_t count_;
};

}  // namespace

void run_engine(const CudnnLibrary& library, cudnnHandle_t handle, const ConvEngine& engine,
                const void* x, const void* w, const void* y, void* workspace) {
  const std::array<int64_t, 3> ids{kX, kW, kY};
  const std::array<const void*, 3> pointers{x, w, y};
  CudnnDescriptor arguments(library, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  arguments.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const int64_t>(ids));
  arguments.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
                std::span<const void* const>(pointers));
  arguments.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
  if (!arguments.finalize())
    fail(ErrorKind::device, "device cuda: ", library.version(), " refuses the tensors of engine ",
         engine.number);
  AMCL_CUDNN_CALL(library, cudnnBackendExecute, handle, engine.plan.get(), arguments.get());
}

// A configuration that the heuristic names, and what is known of its engine.
struct ConvEngines::Candidate {
  CudnnDescriptor configuration;
  int64_t number = 0;
  EngineNotes notes;
};

ConvEngines::ConvEngines(const CudnnLibrary& library, const std::string& device_json,
                         const EngineRules& rules)
    : library_(library),
      device_(std::in_place, library, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR),
      rules_(rules) {
  // With the zero at its end.
  device_->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
               std::span<const char>(device_json.c_str(), device_json.size() + 1));
  if (!device_->finalize())
    fail(ErrorKind::device, "device cuda: ", library.version(), " does not support the GPU ",
         device_json);
}

std::optional<CudnnDescriptor> ConvEngines::operation_graph(const ConvPlan& plan,
                                                            int64_t alignment) const {
  const auto tensor = [&](const ConvTensor& described, int64_t id) {
    CudnnDescriptor result(library_, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    result.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, cudnn_type(described.dtype));
    result.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::span<const int64_t>(described.dimensions));
    result.set(CUDNN_ATTR_TENSOR_STRIDES, std::span<const int64_t>(described.strides));
    result.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
    result.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment);
    return result;
  };
  const bool wide = plan.x.dtype == DType::f64;
  CudnnDescriptor convolution(library_, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
                  cudnn_type(wide ? DType::f64 : DType::f32));
  convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
                  CUDNN_CROSS_CORRELATION);
  convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
  convolution.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::span<const int64_t>(plan.dilation));
  convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::span<const int64_t>(plan.stride));
  convolution.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, std::span<const int64_t>(plan.padding));
  convolution.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, std::span<const int64_t>(plan.padding));

  // The parts outlive what is made of them: cuDNN does not say that it copies.
  CudnnDescriptor x = tensor(plan.x, kX);
  CudnnDescriptor w = tensor(plan.w, kW);
  CudnnDescriptor y = tensor(plan.y, kY);
  for (CudnnDescriptor* part : {&convolution, &x, &w, &y})
    if (!part->finalize()) return std::nullopt;
  const OperationNames names = names_of(plan.pass);
  CudnnDescriptor operation(library_, names.type);
  operation.set(names.convolution, convolution);
  operation.set(names.x, x);
  operation.set(names.w, w);
  operation.set(names.y, y);
  if (wide) {
    operation.set(names.alpha, CUDNN_TYPE_DOUBLE, 1.0);
    operation.set(names.beta, CUDNN_TYPE_DOUBLE, 0.0);
  } else {
    operation.set(names.alpha, CUDNN_TYPE_FLOAT, 1.0F);
    operation.set(names.beta, CUDNN_TYPE_FLOAT, 0.0F);
  }
  if (!operation.finalize()) return std::nullopt;

  CudnnDescriptor graph(library_, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (!device_) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle_);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  if (!graph.finalize()) return std::nullopt;
  return graph;
}

void ConvEngines::add_candidates(const CudnnDescriptor& graph, cudnnBackendHeurMode_t mode,
                                 const ConvPlan& plan, std::vector<Candidate>& candidates) const {
  CudnnDescriptor heuristic(library_, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
  if (device_) heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *device_);
  if (!heuristic.finalize()) return;
  std::vector<CudnnDescriptor> configurations;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (size_t i = 0; i < kMostCandidates; ++i) {
    configurations.emplace_back(library_, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    handles.push_back(configurations.back().get());
  }
  const auto found = static_cast<size_t>(heuristic.get(
      CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::span(handles)));
  for (size_t i = 0; i < std::min(found, kMostCandidates); ++i) {
    const CudnnDescriptor engine(library_, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t handle = engine.get();
    configurations[i].get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                          std::span(&handle, 1));
    const Notes<cudnnBackendNumericalNote_t> numerical(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                       CUDNN_TYPE_NUMERICAL_NOTE);
    const Notes<cudnnBackendBehaviorNote_t> behavior(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                                                     CUDNN_TYPE_BEHAVIOR_NOTE);
    const EngineNotes notes{
        .tensor_cores = numerical.has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE),
        .rounds_inputs = numerical.has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS),
        .rounds_sums = numerical.has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION),
        .order_varies = numerical.has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC),
        .compiled_at_run_time = behavior.has(CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION)};
    if (may_be_used(notes, plan.x.dtype, rules_))
      candidates.push_back({.configuration = std::move(configurations[i]),
                            .number = engine.integer(CUDNN_ATTR_ENGINE_GLOBAL_INDEX),
                            .notes = notes});
  }
}

std::vector<ConvEngine> ConvEngines::find(const ConvPlan& plan, int64_t alignment,
                                          size_t limit) const {
  std::vector<ConvEngine> engines;
  const std::optional<CudnnDescriptor> graph = operation_graph(plan, alignment);
  if (!graph) return engines;
  std::vector<Candidate> candidates;
  add_candidates(*graph, CUDNN_HEUR_MODE_A, plan, candidates);
  // A filter's gradient that is wider than what it is made from has slow engines among the rest: to
  // round it and to widen it again is faster.
  if (plan.w.dtype == plan.x.dtype)
    add_candidates(*graph, CUDNN_HEUR_MODE_FALLBACK, plan, candidates);
  if (plan.x.dtype == DType::bf16)
    std::stable_partition(candidates.begin(), candidates.end(),
                          [](const Candidate& one) { return one.notes.tensor_cores; });
  for (Candidate& candidate : candidates) {
    CudnnDescriptor execution(library_, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    if (device_)
      execution.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *device_);
    else
      execution.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle_);
    execution.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, candidate.configuration);
    if (!execution.try_finalize()) continue;
    const int64_t workspace = execution.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    engines.push_back({.number = candidate.number,
                       .workspace_bytes = workspace,
                       .notes = candidate.notes,
                       .configuration = std::move(candidate.configuration),
                       .plan = std::move(execution)});
    if (engines.size() == limit) break;
  }
  return engines;
}

}  // namespace amcl::cuda
