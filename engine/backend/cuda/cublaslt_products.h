// Matrix products by cuBLASLt, which is opened when the first object is made.
#pragma once
#include <cublasLt.h>

#include <map>
#include <memory>
#include <string>

#include "engine/backend/cuda/product_plan.h"
#include "engine/core/tensor.h"

namespace amcl::cuda {

class CublasLtProducts {
 public:
  CublasLtProducts();
  ~CublasLtProducts();
  CublasLtProducts(const CublasLtProducts&) = delete;
  CublasLtProducts& operator=(const CublasLtProducts&) = delete;

  // Backend::matmul on `stream`, in f32, f64 or bf16 with sums in f32; without the TF32 of tensor
  // cores and without reductions whose order varies.
  void run(const Tensor& a, const Tensor& b, const MatmulSpec& spec, cudaStream_t stream,
           Tensor& c);

  static std::string version();  // "cuBLASLt 13.1.0"

 private:
  struct Functions;
  struct Prepared;

  void run(const ProductCall& call, const Tensor& a, const Tensor& b, cudaStream_t stream,
           Tensor& c);
  Prepared& prepare(const ProductCall& call, DType dtype, uint32_t alignment);

  std::unique_ptr<Functions> library_;
  cublasLtHandle_t handle_ = nullptr;
  std::map<std::string, std::unique_ptr<Prepared>> prepared_;  // by extents and type
};

}  // namespace amcl::cuda
