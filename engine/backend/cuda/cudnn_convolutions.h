// Convolutions by cuDNN 9, through its graph interface, which is opened when the first object is
// made.
#pragma once
#include <cuda_runtime_api.h>
#include <cudnn_graph.h>

#include <map>
#include <memory>
#include <string>

#include "engine/backend/cuda/conv_plan.h"
#include "engine/backend/cuda/open_cuda.h"
#include "engine/core/tensor.h"

namespace amcl::cuda {

class CudnnConvolutions {
 public:
  explicit CudnnConvolutions(const CudaOptions& options);
  ~CudnnConvolutions();
  CudnnConvolutions(const CudnnConvolutions&) = delete;
  CudnnConvolutions& operator=(const CudnnConvolutions&) = delete;

  // Runs the plan on `stream`; the tensor that the pass writes is not read. If asked for,
  // deterministic engines only; in f32 without TF32 none that rounds its inputs. Engines are chosen by
  // cuDNN's heuristic on the first call of a plan, without timing: the same ones in every run. Throws
  // Error(device) with plan and version where there is none.
  void run(const ConvPlan& plan, const Tensor& x, const Tensor& w, const Tensor& y,
           cudaStream_t stream);
  // The same; false, and nothing done, where there is none.
  bool try_run(const ConvPlan& plan, const Tensor& x, const Tensor& w, const Tensor& y,
               cudaStream_t stream);

  std::string version() const;

 private:
  struct Functions;
  class Descriptor;
  struct Engine;

  // `alignment`: bytes that every pointer is a multiple of.
  // Null where there is none.
  Engine* engine_for(const ConvPlan& plan, int64_t alignment);
  Descriptor operation_graph(const ConvPlan& plan, int64_t alignment);
  std::unique_ptr<Engine> choose_engine(const ConvPlan& plan, int64_t alignment);
  bool acceptable(const Descriptor& configuration, const ConvPlan& plan);

  CudaOptions options_;
  std::unique_ptr<Functions> library_;
  cudnnHandle_t handle_ = nullptr;
  std::map<std::string, std::unique_ptr<Engine>> engines_;  // by plan and alignment
};

}  // namespace amcl::cuda
