#include "engine/backend/cuda/cublaslt_products.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/backend/cuda/alignment.h"
#include "engine/backend/cuda/runtime_library.h"
#include "engine/core/check.h"

#define AMCL_CUBLASLT_CALL(function, ...)                                   \
  do {                                                                      \
    if (const cublasStatus_t amcl_status = library_->function(__VA_ARGS__); \
        amcl_status != CUBLAS_STATUS_SUCCESS)                               \
      fail(ErrorKind::device, "device cuda: ", #function, ": ",             \
           library_->cublasLtGetStatusString(amcl_status));                 \
  } while (false)

namespace amcl::cuda {

struct CublasLtProducts::Functions {
  RuntimeLibrary library{concat_text("libcublasLt.so.", CUBLAS_VER_MAJOR)};
#define AMCL_FUNCTION(name) decltype(::name)* name = find<decltype(::name)>(#name)
  AMCL_FUNCTION(cublasLtCreate);
  AMCL_FUNCTION(cublasLtDestroy);
  AMCL_FUNCTION(cublasLtGetVersion);
  AMCL_FUNCTION(cublasLtGetStatusString);
  AMCL_FUNCTION(cublasLtMatmul);
  AMCL_FUNCTION(cublasLtMatmulAlgoGetHeuristic);
  AMCL_FUNCTION(cublasLtMatmulDescCreate);
  AMCL_FUNCTION(cublasLtMatmulDescDestroy);
  AMCL_FUNCTION(cublasLtMatmulDescSetAttribute);
  AMCL_FUNCTION(cublasLtMatmulPreferenceCreate);
  AMCL_FUNCTION(cublasLtMatmulPreferenceDestroy);
  AMCL_FUNCTION(cublasLtMatmulPreferenceSetAttribute);
  AMCL_FUNCTION(cublasLtMatrixLayoutCreate);
  AMCL_FUNCTION(cublasLtMatrixLayoutDestroy);
  AMCL_FUNCTION(cublasLtMatrixLayoutSetAttribute);
#undef AMCL_FUNCTION

 private:
  template <class Function>
  Function* find(const char* symbol) const {
    Function* function = nullptr;
    library.find(function, symbol);
    return function;
  }
};

namespace {

constexpr size_t kWorkspaceBytes = size_t{32} << 20;  // what NVIDIA advises for Hopper

cudaDataType_t cuda_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return CUDA_R_32F;
    case DType::f64:
      return CUDA_R_64F;
    case DType::bf16:
      return CUDA_R_16BF;
    default:
      fail(ErrorKind::usage, "device cuda: matmul computes in f32, f64 and bf16, not in ", dtype);
  }
}

std::string describe(const ColumnMajor& matrix) {
  return concat_text(matrix.rows, 'x', matrix.columns, matrix.transposed ? "T" : "", '+',
                     matrix.batch_stride);
}

}  // namespace

// What cuBLASLt needs to know about a product, and the algorithm it chose.
struct CublasLtProducts::Prepared {
  explicit Prepared(const Functions& functions) : library_(&functions) {}
  ~Prepared() {
    if (preference != nullptr) library_->cublasLtMatmulPreferenceDestroy(preference);
    for (const cublasLtMatrixLayout_t layout : {first, second, result})
      if (layout != nullptr) library_->cublasLtMatrixLayoutDestroy(layout);
    if (product != nullptr) library_->cublasLtMatmulDescDestroy(product);
  }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  void describe_product(const ProductCall& call, DType dtype) {
    const bool wide = dtype == DType::f64;
    AMCL_CUBLASLT_CALL(cublasLtMatmulDescCreate, &product,
                       wide ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                       wide ? CUDA_R_64F : CUDA_R_32F);
    set_transposed(CUBLASLT_MATMUL_DESC_TRANSA, call.first.transposed);
    set_transposed(CUBLASLT_MATMUL_DESC_TRANSB, call.second.transposed);
    describe_matrix(call.first, call.batches, dtype, first);
    describe_matrix(call.second, call.batches, dtype, second);
    describe_matrix(call.result, call.batches, dtype, result);
  }
  void choose_algorithm(cublasLtHandle_t handle, const std::string& text) {
    AMCL_CUBLASLT_CALL(cublasLtMatmulPreferenceCreate, &preference);
    AMCL_CUBLASLT_CALL(cublasLtMatmulPreferenceSetAttribute, preference,
                       CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes,
                       sizeof(kWorkspaceBytes));
    const uint32_t ordered =
        CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    AMCL_CUBLASLT_CALL(cublasLtMatmulPreferenceSetAttribute, preference,
                       CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &ordered, sizeof(ordered));
    // What the pointers of this product have, not the 256 that cuBLASLt would assume.
    for (const auto attribute :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      AMCL_CUBLASLT_CALL(cublasLtMatmulPreferenceSetAttribute, preference, attribute, &alignment,
                         sizeof(alignment));
    int found = 0;
    AMCL_CUBLASLT_CALL(cublasLtMatmulAlgoGetHeuristic, handle, product, first, second, result,
                       result, preference, 1, &heuristic, &found);
    if (found == 0)
      fail(ErrorKind::device, "device cuda: cuBLASLt knows no algorithm for the product ", text);
  }

  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t first = nullptr;
  cublasLtMatrixLayout_t second = nullptr;
  cublasLtMatrixLayout_t result = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulHeuristicResult_t heuristic{};
  uint32_t alignment = 16;  // bytes, of all pointers

 private:
  void set_transposed(cublasLtMatmulDescAttributes_t attribute, bool transposed) {
    const cublasOperation_t operation = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    AMCL_CUBLASLT_CALL(cublasLtMatmulDescSetAttribute, product, attribute, &operation,
                       sizeof(operation));
  }
  void describe_matrix(const ColumnMajor& matrix, int64_t batches, DType dtype,
                       cublasLtMatrixLayout_t& layout) {
    AMCL_CUBLASLT_CALL(cublasLtMatrixLayoutCreate, &layout, cuda_type(dtype),
                       static_cast<uint64_t>(matrix.rows), static_cast<uint64_t>(matrix.columns),
                       matrix.leading);
    const auto count = static_cast<int32_t>(batches);
    AMCL_CUBLASLT_CALL(cublasLtMatrixLayoutSetAttribute, layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                       &count, sizeof(count));
    AMCL_CUBLASLT_CALL(cublasLtMatrixLayoutSetAttribute, layout,
                       CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &matrix.batch_stride,
                       sizeof(matrix.batch_stride));
  }

  const Functions* library_;
};

CublasLtProducts::CublasLtProducts() : library_(std::make_unique<Functions>()) {
  AMCL_CUBLASLT_CALL(cublasLtCreate, &handle_);
}

CublasLtProducts::~CublasLtProducts() {
  prepared_.clear();
  library_->cublasLtDestroy(handle_);
}

std::string CublasLtProducts::version() {
  const size_t number = Functions().cublasLtGetVersion();
  return concat_text("cuBLASLt ", number / 10000, '.', number / 100 % 100, '.', number % 100);
}

void CublasLtProducts::run(const Tensor& a, const Tensor& b, const MatmulSpec& spec,
                           cudaStream_t stream, Tensor& c) {
  if (c.count() == 0) return;
  for (const ProductCall& call : plan_product(a.shape(), b.shape(), spec, c.shape()))
    run(call, a, b, stream, c);
}

CublasLtProducts::Prepared& CublasLtProducts::prepare(const ProductCall& call, DType dtype,
                                                      uint32_t alignment) {
  const std::string text =
      concat_text(describe(call.first), '*', describe(call.second), " in batches of ", call.batches,
                  ", ", dtype, ", aligned to ", alignment);
  std::unique_ptr<Prepared>& prepared = prepared_[text];
  if (prepared == nullptr) {
    auto fresh = std::make_unique<Prepared>(*library_);
    fresh->alignment = alignment;
    fresh->describe_product(call, dtype);
    fresh->choose_algorithm(handle_, text);
    prepared = std::move(fresh);
  }
  return *prepared;
}

void CublasLtProducts::run(const ProductCall& call, const Tensor& a, const Tensor& b,
                           cudaStream_t stream, Tensor& c) {
  const DType dtype = c.dtype();
  const auto element = [size = static_cast<int64_t>(size_of(dtype))](const Tensor& tensor,
                                                                     const ColumnMajor& matrix) {
    return static_cast<const std::byte*>(tensor.raw()) + matrix.offset * size;
  };
  const void* first = element(b, call.first);
  const void* second = element(a, call.second);
  Prepared& prepared = prepare(call, dtype, common_alignment({first, second, c.raw()}));
  // Scales in the type of the sums.
  const double one = 1.0;
  const double beta = call.accumulate ? 1.0 : 0.0;
  const auto one_f32 = static_cast<float>(one);
  const auto beta_f32 = static_cast<float>(beta);
  const bool wide = dtype == DType::f64;
  const size_t bytes = prepared.heuristic.workspaceSize;
  Tensor workspace =
      Tensor::empty(c.device(), {static_cast<int64_t>(std::max<size_t>(bytes, 1))}, DType::u8);
  AMCL_CUBLASLT_CALL(cublasLtMatmul, handle_, prepared.product,
                     wide ? static_cast<const void*>(&one) : &one_f32, first, prepared.first,
                     second, prepared.second, wide ? static_cast<const void*>(&beta) : &beta_f32,
                     c.raw(), prepared.result, c.raw(), prepared.result, &prepared.heuristic.algo,
                     workspace.raw(), bytes, stream);
}

}  // namespace amcl::cuda
