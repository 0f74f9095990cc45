// Convolutions by cuDNN on the GPU that is there.
#pragma once
#include <cuda_runtime_api.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/backend/cuda/conv_engines.h"
#include "engine/core/tensor.h"

namespace amcl::cuda {

class CudnnConvolutions {
 public:
  explicit CudnnConvolutions(const EngineRules& rules);
  ~CudnnConvolutions();
  CudnnConvolutions(const CudnnConvolutions&) = delete;
  CudnnConvolutions& operator=(const CudnnConvolutions&) = delete;

  // Runs the plan on `stream`; the tensor that the pass writes is not read. The engine is the first of
  // ConvEngines::find, found on the first call of a plan: the same one in every run. Throws
  // Error(device) with plan and version where there is none.
  void run(const ConvPlan& plan, const Tensor& x, const Tensor& w, const Tensor& y,
           cudaStream_t stream);
  // The same; false, and nothing done, where there is none.
  bool try_run(const ConvPlan& plan, const Tensor& x, const Tensor& w, const Tensor& y,
               cudaStream_t stream);

 private:
  // Null where there is none.
  const ConvEngine* engine_for(const ConvPlan& plan, int64_t alignment);

  EngineRules rules_;
  CudnnLibrary library_;
  cudnnHandle_t handle_ = nullptr;
  std::map<std::string, std::optional<ConvEngine>> engines_;  // by plan and alignment
};

}  // namespace amcl::cuda
