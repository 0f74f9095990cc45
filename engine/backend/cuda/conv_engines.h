// cuDNN's engines for a convolution: which there are, which of them may be used, in which order. The
// same rules hold for the GPU of a handle and for one that is only described, so that tests ask them
// on machines without a GPU.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/backend/cuda/conv_plan.h"
#include "engine/backend/cuda/cudnn_library.h"
#include "engine/backend/cuda/engine_rules.h"

namespace amcl::cuda {

// An engine with its settings, ready to run.
struct ConvEngine {
  int64_t number = 0;           // cuDNN's, which several entries may share with other settings
  int64_t workspace_bytes = 0;  // memory that it wants while it runs
  EngineNotes notes;
  CudnnDescriptor configuration;  // what the plan was made from
  CudnnDescriptor plan;
};

// Gives the work to the handle's stream. `workspace` has the bytes that the engine wants, or is null
// for none; the tensor that the pass writes is not read. Throws Error(device) if cuDNN refuses.
void run_engine(const CudnnLibrary& library, cudnnHandle_t handle, const ConvEngine& engine,
                const void* x, const void* w, const void* y, void* workspace);

class ConvEngines {
 public:
  // For the GPU of the handle. Library and handle must outlive the object.
  ConvEngines(const CudnnLibrary& library, cudnnHandle_t handle, const EngineRules& rules)
      : library_(library), handle_(handle), rules_(rules) {}
  // For the GPU that is described in the JSON of cuDNN's device properties. Throws Error(device) if
  // cuDNN does not understand it.
  ConvEngines(const CudnnLibrary& library, const std::string& device_json,
              const EngineRules& rules);

  // At most `limit` engines, best first: as cuDNN's heuristic ranks them, without timing, but in bf16
  // those with tensor cores before the rest. None that cuDNN would compile at run time, which takes
  // seconds for each. `alignment`: bytes that all pointers are multiples of. Empty where there is none.
  std::vector<ConvEngine> find(const ConvPlan& plan, int64_t alignment, size_t limit) const;

 private:
  struct Candidate;

  std::optional<CudnnDescriptor> operation_graph(const ConvPlan& plan, int64_t alignment) const;
  void add_candidates(const CudnnDescriptor& graph, cudnnBackendHeurMode_t mode,
                      const ConvPlan& plan, std::vector<Candidate>& candidates) const;

  const CudnnLibrary& library_;
  cudnnHandle_t handle_ = nullptr;         // this
  std::optional<CudnnDescriptor> device_;  // or that
  EngineRules rules_;
};

}  // namespace amcl::cuda
